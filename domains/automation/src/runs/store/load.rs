//! Reading the rows that events need, for all runs at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use atelier_entities::{ItemState, RunId};
use atelier_queue::{Sql, Transaction};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use super::{
    LockedRun, LockedRuns, NodeFacts, Place, WaitFacts,
    queries::Which,
    rows::{
        EDGE, EdgeRow, ITEM, ItemRow, LOOP, LoopRow, NODE, NodeRow, SIGNAL, SignalRow, WAIT, WaitRow,
        find_edge,
    },
};
use crate::{
    engine::{NodeState, Plan, Rows, ScopePath},
    graph::Behaviour,
    workflows::versions::LoadedVersion,
};

/// Rows of waits in one statement: three parameters each.
const WAITS: usize = 3_000;

/// What has to be loaded of a run.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The run.
    pub(crate) run: RunId,
    /// The rows.
    pub(crate) rows: Rows,
    /// Whether a node begins to wait, so that signals may be there for it.
    pub(crate) with_signals: bool,
}

impl LockedRuns {
    /// Loads rows. Rows that were loaded or changed before stay as they are.
    pub(crate) async fn load(&mut self, tx: &Transaction, wanted: &[Wanted]) -> Result<(), DbErr> {
        let mut scopes = BTreeSet::new();
        let mut whole = Vec::new();
        for Wanted { run, rows, .. } in wanted {
            match rows {
                Rows::Run => {}
                Rows::Path(scope) => add_path(&mut scopes, *run, scope),
                Rows::Signal { key, .. } => {
                    add_path(&mut scopes, *run, &ScopePath::root());
                    self.add_waits_for(tx, *run, key, &mut scopes).await?;
                }
                Rows::Open => {
                    add_path(&mut scopes, *run, &ScopePath::root());
                    add_open_items(tx, *run, &mut scopes).await?;
                }
                Rows::All => whole.push(*run),
            }
        }
        for which in Which::scopes(&scopes) {
            self.load_rows(tx, &which).await?;
        }
        if !whole.is_empty() {
            self.load_rows(tx, &Which::Runs(whole)).await?;
        }
        self.load_queued_items(tx, wanted).await?;
        self.load_waits(tx, wanted).await?;
        self.load_signals(tx, wanted).await
    }

    /// Adds the scopes of the open waits for a signal.
    async fn add_waits_for(
        &mut self,
        tx: &Transaction,
        run: RunId,
        key: &str,
        scopes: &mut BTreeSet<(RunId, ScopePath)>,
    ) -> Result<(), DbErr> {
        let mut sql = Sql::new(tx.get_database_backend());
        sql.push("SELECT DISTINCT scope FROM workflow_waits WHERE run_id = ").bind(run);
        sql.push(" AND key = ").bind(key).push(" AND NOT closed");
        add_scopes(scopes, run, &tx.query_all_raw(sql.build()).await?)
    }

    async fn load_rows(&mut self, tx: &Transaction, which: &Which) -> Result<(), DbErr> {
        let select = |columns: &str, table: &str| {
            let mut sql = Sql::new(tx.get_database_backend());
            sql.push("SELECT ").push(columns).push(" FROM ").push(table).push(" WHERE ");
            which.push_to(&mut sql);
            sql.build()
        };
        for row in NodeRow::find_by_statement(select(NODE, "workflow_node_runs")).all(&**tx).await? {
            self.add_to(row.run_id, |run, plan| run.add_node(plan, &row));
        }
        for row in EdgeRow::find_by_statement(select(EDGE, "workflow_edge_runs")).all(&**tx).await? {
            self.add_to(row.run_id, |run, plan| run.add_edge(plan, &row));
        }
        let has_loops = |version: &Arc<LoadedVersion>| version.plan.has_loops();
        if !self.runs.values().any(|run| run.version.as_ref().is_some_and(has_loops)) {
            return Ok(());
        }
        for row in LoopRow::find_by_statement(select(LOOP, "workflow_loop_runs")).all(&**tx).await? {
            self.add_to(row.run_id, |run, plan| run.add_loop(plan, &row));
        }
        if !which.is_of_roots() {
            for row in ItemRow::find_by_statement(select(ITEM, "workflow_item_runs")).all(&**tx).await? {
                self.add_to(row.run_id, |run, _| run.add_item(&row));
            }
        }
        Ok(())
    }

    fn add_to(&mut self, run: RunId, add: impl FnOnce(&mut LockedRun, &Plan) -> Option<()>) {
        let Some(run) = self.runs.get_mut(&run) else { return };
        let Some(version) = run.version.clone() else { return };
        if add(run, &version.plan).is_none() {
            tracing::error!(run = %run.row.id, "a row of a run does not fit its version");
        }
    }

    /// Loads the first queued items of the loops on a path, with all that lies in them.
    async fn load_queued_items(&mut self, tx: &Transaction, wanted: &[Wanted]) -> Result<(), DbErr> {
        let of_paths = wanted.iter().filter(|one| matches!(one.rows, Rows::Path(_) | Rows::Signal { .. }));
        let mut runs: Vec<RunId> = of_paths.map(|one| one.run).collect();
        runs.dedup();
        for id in runs {
            let Some(run) = self.runs.get(&id) else { continue };
            let Some(version) = run.version.clone() else { continue };
            let queued = run.state.loops.iter().filter(|(_, row)| row.queued > 0);
            let queued: Vec<(Place, u32)> =
                queued.map(|(place, _)| (place.clone(), window(&version.plan, place))).collect();
            for ((scope, node), count) in queued {
                let node = version.plan.key(node);
                let items = list_queued(tx, id, &scope, node, count).await?;
                if !items.is_empty() {
                    self.load_rows(tx, &Which::Below(id, items)).await?;
                }
            }
        }
        Ok(())
    }

    /// Loads the waits of nodes that wait.
    async fn load_waits(&mut self, tx: &Transaction, wanted: &[Wanted]) -> Result<(), DbErr> {
        let runs: BTreeSet<RunId> = wanted.iter().map(|one| one.run).collect();
        let mut waiting = Vec::new();
        for run in runs.iter().filter_map(|id| self.runs.get(id)) {
            let Some(version) = &run.version else { continue };
            let nodes = run.state.nodes.iter().filter(|(place, row)| {
                row.state == NodeState::Waiting && !run.state.waits.contains_key(*place)
            });
            waiting.extend(nodes.map(|((scope, node), _)| {
                (run.row.id, scope.to_string(), version.plan.key(*node).to_owned())
            }));
        }
        for some in waiting.chunks(WAITS) {
            let mut sql = Sql::new(tx.get_database_backend());
            sql.push("SELECT ")
                .push(WAIT)
                .push(" FROM workflow_waits WHERE NOT closed AND (run_id, scope, node) IN (VALUES ");
            for (index, (run, scope, node)) in some.iter().enumerate() {
                sql.push(if index == 0 { "(" } else { ", (" }).bind(*run).push(", ");
                sql.bind(scope.as_str()).push(", ").bind(node.as_str()).push(")");
            }
            sql.push(")");
            for row in WaitRow::find_by_statement(sql.build()).all(&**tx).await? {
                self.add_to(row.run_id, |run, plan| run.add_wait(plan, &row));
            }
        }
        Ok(())
    }

    /// Loads signals that no wait took, and those whose id is asked for.
    async fn load_signals(&mut self, tx: &Transaction, wanted: &[Wanted]) -> Result<(), DbErr> {
        let untaken: Vec<RunId> = wanted.iter().filter(|one| one.with_signals).map(|one| one.run).collect();
        let mut statements = Vec::new();
        if !untaken.is_empty() {
            let mut sql = select_signals(tx);
            sql.push("taken_node IS NULL AND run_id ").among(&untaken);
            statements.push(sql);
        }
        for one in wanted {
            if let Rows::Signal { id, .. } = &one.rows {
                let mut sql = select_signals(tx);
                sql.push("run_id = ").bind(one.run).push(" AND id = ").bind(id.as_str());
                statements.push(sql);
            }
        }
        for sql in statements {
            for row in SignalRow::find_by_statement(sql.build()).all(&**tx).await? {
                self.add_to(row.run_id, |run, plan| {
                    let signal = row.engine_signal(plan);
                    keep(&mut run.state.signals, &run.changes.signals, row.id.clone(), signal);
                    Some(())
                });
            }
        }
        Ok(())
    }
}

impl LockedRun {
    fn add_node(&mut self, plan: &Plan, row: &NodeRow) -> Option<()> {
        let place = (row.scope.parse().ok()?, plan.find_node(&row.node)?);
        if keep(&mut self.state.nodes, &self.changes.nodes, place.clone(), row.engine_node()) {
            let facts = NodeFacts { job: row.job_id, ready_at: row.ready_at, finished_at: row.finished_at };
            self.nodes.insert(place, facts);
        }
        Some(())
    }

    fn add_edge(&mut self, plan: &Plan, row: &EdgeRow) -> Option<()> {
        let place = (row.scope.parse().ok()?, find_edge(plan, &row.edge)?);
        let EdgeRow { taken, error, late, .. } = *row;
        keep(
            &mut self.state.edges,
            &self.changes.edges,
            place,
            crate::engine::EdgeRun { taken, error, late },
        );
        Some(())
    }

    fn add_loop(&mut self, plan: &Plan, row: &LoopRow) -> Option<()> {
        let place = (row.scope.parse().ok()?, plan.find_node(&row.node)?);
        keep(&mut self.state.loops, &self.changes.loops, place, row.engine_loop());
        Some(())
    }

    fn add_item(&mut self, row: &ItemRow) -> Option<()> {
        keep(&mut self.state.items, &self.changes.items, row.scope.parse().ok()?, row.engine_item());
        Some(())
    }

    fn add_wait(&mut self, plan: &Plan, row: &WaitRow) -> Option<()> {
        let place = (row.scope.parse().ok()?, plan.find_node(&row.node)?);
        if keep(&mut self.state.waits, &self.changes.waits, place.clone(), row.engine_wait()) {
            let number = |value: i32| u32::try_from(value).unwrap_or_default();
            let facts = WaitFacts {
                generation: number(row.generation),
                round: number(row.round),
                attempt: number(row.attempt),
                job: row.job_id,
                awaited: row.awaited_job_id,
                ..WaitFacts::default()
            };
            self.waits.insert(place, facts);
        }
        Some(())
    }
}

/// Adds a row that was read, unless it was loaded or changed before. Whether it was added.
fn keep<K: Ord, V>(rows: &mut BTreeMap<K, V>, changed: &BTreeSet<K>, key: K, row: V) -> bool {
    if changed.contains(&key) || rows.contains_key(&key) {
        return false;
    }
    rows.insert(key, row);
    true
}

fn add_path(scopes: &mut BTreeSet<(RunId, ScopePath)>, run: RunId, scope: &ScopePath) {
    scopes.insert((run, ScopePath::root()));
    scopes.extend(scope.items().map(|item| (run, item)));
}

fn add_scopes(
    scopes: &mut BTreeSet<(RunId, ScopePath)>,
    run: RunId,
    rows: &[sea_orm::QueryResult],
) -> Result<(), DbErr> {
    for row in rows {
        let scope: String = row.try_get_by_index(0)?;
        if let Ok(scope) = scope.parse() {
            add_path(scopes, run, &scope);
        }
    }
    Ok(())
}

async fn add_open_items(
    tx: &Transaction,
    run: RunId,
    scopes: &mut BTreeSet<(RunId, ScopePath)>,
) -> Result<(), DbErr> {
    let open = [ItemState::Running, ItemState::Queued].map(ItemState::as_str);
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT scope FROM workflow_item_runs WHERE run_id = ").bind(run);
    sql.push(" AND state IN (").bind_list(open).push(")");
    add_scopes(scopes, run, &tx.query_all_raw(sql.build()).await?)
}

/// How many items of a loop are under way at once.
fn window(plan: &Plan, (_, node): &Place) -> u32 {
    match plan.behaviour(*node) {
        Behaviour::Loop(rules) => rules.concurrency,
        _ => 1,
    }
}

async fn list_queued(
    tx: &Transaction,
    run: RunId,
    scope: &ScopePath,
    node: &str,
    count: u32,
) -> Result<Vec<ScopePath>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT scope FROM workflow_item_runs WHERE run_id = ").bind(run);
    sql.push(" AND loop_scope = ").bind(scope.to_string()).push(" AND loop_node = ").bind(node);
    sql.push(" AND state = 'queued' ORDER BY item LIMIT ").push(&count.to_string());
    let mut found = Vec::new();
    for row in tx.query_all_raw(sql.build()).await? {
        let scope: String = row.try_get_by_index(0)?;
        found.extend(scope.parse::<ScopePath>().ok());
    }
    Ok(found)
}

fn select_signals(tx: &Transaction) -> Sql {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT ").push(SIGNAL).push(" FROM workflow_signals WHERE ");
    sql
}
