//! The output of a loop, made of the rows of its items.

use std::collections::BTreeSet;

use atelier_entities::{
    ItemState, workflow_edge_runs, workflow_item_runs, workflow_loop_runs, workflow_node_runs,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, LikeExpr, SimpleExpr},
};
use serde_json::{Value, json};

use super::{
    needs::{Flow, Needs, Place},
    rows::{ItemRow, Rows, edge_name, key},
    store::MAX_OUTPUT_BYTES,
    values::Values,
};
use crate::{
    engine::ScopePath,
    nodes::{AttemptError, NodeFailure},
};

/// What the results of a loop and of the loops that they come from are made of, the same for each
/// item.
#[derive(Default)]
struct Pattern {
    nodes: BTreeSet<String>,
    edges: BTreeSet<String>,
    loops: BTreeSet<String>,
    /// What lies outside of the loop.
    outside: Needs,
}

impl Pattern {
    /// What the results of a loop are made of.
    fn of(flow: Flow<'_>, place: &Place) -> Self {
        let mut pattern = Self::default();
        pattern.add(flow, place, &place.0.item(flow.plan.key(place.1), 0));
        pattern
    }

    /// Adds what the result of an item of a loop is made of. `first` is the first item of the
    /// outermost loop: it stands for all of them.
    fn add(&mut self, flow: Flow<'_>, place: &Place, first: &ScopePath) {
        let loop_key = flow.plan.key(place.1);
        if !self.loops.insert(loop_key.to_owned()) {
            return;
        }
        let item = place.0.item(loop_key, 0);
        let mut needs = Needs::default();
        for last in flow.last_nodes(&item) {
            needs.add_output(flow, &(item.clone(), last), 0);
        }
        let (inside, outside): (Vec<Place>, Vec<Place>) =
            needs.targets.into_iter().partition(|(scope, _)| scope.is_within(first));
        let inbound = inside.iter().flat_map(|(_, node)| flow.plan.inbound(*node));
        self.edges.extend(inbound.map(|edge| edge_name(flow, *edge)));
        self.outside.targets.extend(outside);
        self.outside.lists.extend(needs.lists.into_iter().filter(|(scope, _)| !scope.is_within(first)));
        for needed in needs.nodes {
            if !needed.0.is_within(first) {
                self.outside.nodes.insert(needed);
                continue;
            }
            self.nodes.insert(flow.plan.key(needed.1).to_owned());
            if flow.iterates(needed.1) {
                self.add(flow, &needed, first);
            }
        }
    }
}

/// The beginning of the scopes of a loop's items and of all in them.
fn beginning(flow: Flow<'_>, (scope, node): &Place) -> String {
    let dot = if scope.is_root() { "" } else { "." };
    format!("{scope}{dot}{}[", flow.plan.key(*node))
}

/// Whether a scope begins so.
fn begins(column: impl ColumnTrait, beginning: &str) -> SimpleExpr {
    let escaped = beginning.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Expr::col(column.as_column_ref()).like(LikeExpr::new(format!("{escaped}%")).escape('\\'))
}

impl Values<'_> {
    /// `results` in the order of the items, null for those that gave nothing, the `errors` of those
    /// that failed, and how many there are.
    pub(super) async fn make_loop_output(&self, place: &Place) -> Result<Value, AttemptError> {
        let below = beginning(self.flow, place);
        if self.rows.read_below.iter().any(|read| below.starts_with(read)) {
            return self.collect(place).await;
        }
        let rows = self.read_items(place, &below).await?;
        let inner = Values::new(self.execution, self.attempt, self.flow, rows);
        inner.collect(place).await
    }

    async fn collect(&self, place: &Place) -> Result<Value, AttemptError> {
        let empty = Vec::new();
        let items = self.rows.items.get(&key(self.flow, place)).unwrap_or(&empty);
        let started = items.last().map_or(0, |item| item.item + 1);
        let total = std::cmp::max(self.length(place).unwrap_or_default(), started);
        let mut results = vec![Value::Null; usize::try_from(total).unwrap_or_default()];
        let mut errors = Vec::new();
        let mut succeeded = 0_u32;
        for item in items {
            let scope = place.0.item(self.flow.plan.key(place.1), item.item);
            match item.state {
                ItemState::Succeeded => {
                    succeeded += 1;
                    let result = Box::pin(self.result_of(&scope)).await?;
                    if let Some(slot) = results.get_mut(usize::try_from(item.item).unwrap_or(usize::MAX)) {
                        *slot = result;
                    }
                }
                ItemState::Failed => errors.push(json!({"index": item.item, "error": item.failure})),
                ItemState::Queued | ItemState::Running | ItemState::Cancelled => {}
            }
        }
        let failed = errors.len();
        Ok(json!({
            "results": results, "errors": errors, "total": total, "succeeded": succeeded, "failed": failed,
        }))
    }

    /// Reads the items of a loop and of the loops in it, with what they gave: a few statements for
    /// all of them.
    async fn read_items(&self, place: &Place, below: &str) -> Result<Rows, AttemptError> {
        let db = self.execution.services.queue.db();
        let run = self.attempt.run.id;
        let pattern = Pattern::of(self.flow, place);
        self.check_size(db, &pattern, below).await?;
        let mut rows = Rows::read(db, run, self.flow, &pattern.outside).await?;
        rows.read_below.push(below.to_owned());
        let found = workflow_node_runs::Entity::find()
            .filter(workflow_node_runs::Column::RunId.eq(run))
            .filter(begins(workflow_node_runs::Column::Scope, below))
            .filter(workflow_node_runs::Column::Node.is_in(pattern.nodes));
        rows.add_nodes(found.all(db).await?);
        if !pattern.edges.is_empty() {
            let found = workflow_edge_runs::Entity::find()
                .filter(workflow_edge_runs::Column::RunId.eq(run))
                .filter(begins(workflow_edge_runs::Column::Scope, below))
                .filter(workflow_edge_runs::Column::Edge.is_in(pattern.edges));
            rows.add_edges(found.all(db).await?);
        }
        let own = workflow_loop_runs::Column::Scope
            .eq(place.0.to_string())
            .and(workflow_loop_runs::Column::Node.eq(self.flow.plan.key(place.1)));
        let found = workflow_loop_runs::Entity::find()
            .filter(workflow_loop_runs::Column::RunId.eq(run))
            .filter(own.or(begins(workflow_loop_runs::Column::Scope, below)));
        rows.add_lists(found.all(db).await?);
        let found = workflow_item_runs::Entity::find()
            .filter(workflow_item_runs::Column::RunId.eq(run))
            .filter(begins(workflow_item_runs::Column::Scope, below))
            .filter(workflow_item_runs::Column::LoopNode.is_in(pattern.loops))
            .order_by_asc(workflow_item_runs::Column::Item);
        for row in found.all(db).await? {
            let item = ItemRow {
                item: u32::try_from(row.item).unwrap_or_default(),
                state: row.state,
                failure: row.failure,
            };
            rows.items.entry((row.loop_scope, row.loop_node)).or_default().push(item);
        }
        Ok(rows)
    }

    /// Refuses results that are larger than an output may be, before they are read.
    async fn check_size(
        &self,
        db: &impl ConnectionTrait,
        pattern: &Pattern,
        below: &str,
    ) -> Result<(), AttemptError> {
        let sum = Expr::col(workflow_node_runs::Column::OutputBytes).sum().cast_as("bigint");
        let bytes: Option<Option<i64>> = workflow_node_runs::Entity::find()
            .select_only()
            .expr(sum)
            .filter(workflow_node_runs::Column::RunId.eq(self.attempt.run.id))
            .filter(begins(workflow_node_runs::Column::Scope, below))
            .filter(workflow_node_runs::Column::Node.is_in(pattern.nodes.iter()))
            .into_tuple()
            .one(db)
            .await?;
        let bytes = usize::try_from(bytes.flatten().unwrap_or_default()).unwrap_or_default();
        if bytes <= MAX_OUTPUT_BYTES {
            return Ok(());
        }
        let message =
            format!("The results of the loop have {bytes} bytes; at most {MAX_OUTPUT_BYTES} are allowed.");
        Err(NodeFailure::permanent("OUTPUT_TOO_LARGE", message).into())
    }
}
