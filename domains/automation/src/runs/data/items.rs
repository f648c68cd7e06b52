//! The rows that the output of a loop is made of.

use std::collections::BTreeSet;

use atelier_entities::{
    RunId, workflow_edge_runs, workflow_item_runs, workflow_loop_runs, workflow_node_runs,
};
use atelier_queue::Sql;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};

use super::{MAX_OUTPUT_BYTES, Needs, OutputError, Rows};
use crate::{
    engine::{Plan, ScopePath},
    runs::store::{Place, edge_name},
};

/// What the results of a loop and of the loops that they come from are made of, the same for each item.
#[derive(Debug, Default)]
struct Pattern {
    nodes: BTreeSet<String>,
    edges: BTreeSet<String>,
    loops: BTreeSet<String>,
    /// What lies outside of the loop.
    outside: Needs,
}

impl Pattern {
    fn of(plan: &Plan, place: &Place) -> Self {
        let mut pattern = Self::default();
        pattern.add(plan, place, &place.0.item(plan.key(place.1), 0));
        pattern
    }

    /// Adds what the result of an item of a loop is made of. `first` is the first item of the outermost loop: it
    /// stands for all of them.
    fn add(&mut self, plan: &Plan, place: &Place, first: &ScopePath) {
        let loop_key = plan.key(place.1);
        if !self.loops.insert(loop_key.to_owned()) {
            return;
        }
        let mut needs = Needs::default();
        needs.add_result(plan, &place.0.item(loop_key, 0));
        for (scope, node) in needs.targets {
            if scope.is_within(first) {
                self.edges.extend(plan.inbound(node).iter().map(|edge| edge_name(plan, *edge)));
            } else {
                self.outside.targets.insert((scope, node));
            }
        }
        self.outside.lists.extend(needs.lists.into_iter().filter(|(scope, _)| !scope.is_within(first)));
        for needed in needs.nodes {
            if !needed.0.is_within(first) {
                self.outside.nodes.insert(needed);
                continue;
            }
            self.nodes.insert(plan.key(needed.1).to_owned());
            if plan.iterates(needed.1) {
                self.add(plan, &needed, first);
            }
        }
    }
}

/// A loop of which the items are read, with all in them.
struct Below<'a> {
    run: RunId,
    /// The beginning of the scopes of its items.
    beginning: String,
    backend: sea_orm::DatabaseBackend,
    pattern: &'a Pattern,
}

impl Below<'_> {
    /// Selects from a table what lies in the items and has one of these names.
    fn select<'n>(
        &self,
        (columns, table): (&str, &str),
        (name, names): (&str, impl IntoIterator<Item = &'n String>),
    ) -> Sql {
        let mut sql = Sql::new(self.backend);
        sql.push("SELECT ").push(columns).push(" FROM ").push(table).push(" WHERE run_id = ").bind(self.run);
        sql.push(" AND substr(scope, 1, ").push(&self.beginning.chars().count().to_string()).push(") = ");
        sql.bind(self.beginning.as_str()).push(" AND ").push(name).push(" IN (");
        sql.bind_list(names.into_iter().map(String::as_str)).push(")");
        sql
    }

    fn nodes(&self, columns: &str) -> Sql {
        self.select((columns, "workflow_node_runs"), ("node", &self.pattern.nodes))
    }
}

/// Reads the items of a loop and of the loops in it, with what they gave: a few statements for all of them.
///
/// # Errors
/// If the database fails, or the results have more bytes than an output may have.
pub(super) async fn read_items(
    db: &impl ConnectionTrait,
    run: RunId,
    plan: &Plan,
    place: &Place,
) -> Result<Rows, OutputError> {
    let mut pattern = Pattern::of(plan, place);
    let outside = std::mem::take(&mut pattern.outside);
    let first = place.0.item(plan.key(place.1), 0).to_string();
    let beginning = first.strip_suffix("0]").unwrap_or(&first).to_owned();
    let below = Below { run, beginning, backend: db.get_database_backend(), pattern: &pattern };
    if !pattern.nodes.is_empty() {
        check_size(db, &below).await?;
    }
    let mut needs = outside;
    needs.add_list(place.clone());
    let mut rows = Rows::read(db, run, plan, needs).await?;
    rows.inside = Some(place.clone());
    read_below(db, plan, &below, &mut rows).await?;
    Ok(rows)
}

async fn read_below(
    db: &impl ConnectionTrait,
    plan: &Plan,
    below: &Below<'_>,
    rows: &mut Rows,
) -> Result<(), DbErr> {
    let Pattern { nodes, edges, loops, .. } = below.pattern;
    if !nodes.is_empty() {
        let found = workflow_node_runs::Entity::find().from_raw_sql(below.nodes("*").build());
        found.all(db).await?.into_iter().for_each(|row| rows.add_node(plan, row));
    }
    if !edges.is_empty() {
        let sql = below.select(("*", "workflow_edge_runs"), ("edge", edges));
        let found = workflow_edge_runs::Entity::find().from_raw_sql(sql.build());
        found.all(db).await?.iter().for_each(|row| rows.add_edge(plan, row));
    }
    let sql = below.select(("*", "workflow_loop_runs"), ("node", loops));
    let found = workflow_loop_runs::Entity::find().from_raw_sql(sql.build());
    found.all(db).await?.into_iter().for_each(|row| rows.add_list(plan, row));
    let mut sql = below.select(("*", "workflow_item_runs"), ("loop_node", loops));
    sql.push(" ORDER BY item");
    let found = workflow_item_runs::Entity::find().from_raw_sql(sql.build());
    found.all(db).await?.into_iter().for_each(|row| rows.add_item(plan, row));
    Ok(())
}

/// Refuses results that are larger than an output may be, before they are read.
async fn check_size(db: &impl ConnectionTrait, below: &Below<'_>) -> Result<(), OutputError> {
    let sql = below.nodes("CAST(SUM(output_bytes) AS bigint)");
    let row = db.query_one_raw(sql.build()).await?;
    let bytes: Option<i64> = row.map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?.flatten();
    if usize::try_from(bytes.unwrap_or_default()).unwrap_or(usize::MAX) > MAX_OUTPUT_BYTES {
        return Err(OutputError::TooLarge);
    }
    Ok(())
}
