//! Writing the changes of runs, for all of them at once.

mod loops;
mod run;

use std::{collections::BTreeSet, sync::Arc};

use atelier_entities::{
    RunId, Timestamp, workflow_edge_runs as edge_runs, workflow_node_attempts as attempts,
    workflow_node_runs as node_runs, workflow_signals as signals, workflow_waits as waits,
};
use atelier_queue::{Sql, Transaction, without_nul};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ConnectionTrait, DbErr, EntityTrait,
    sea_query::{Expr, OnConflict},
};

use super::{LockedRun, LockedRuns, Output, Place, WaitFacts, rows::edge_name};
use crate::{engine::Changes, workflows::versions::LoadedVersion};

/// Rows of one statement: at most 20 parameters each, of the 32,766 that SQLite allows.
const ROWS: usize = 1_000;

/// In place of the bytes of an output that stays as it is.
const SAME_OUTPUT: i64 = -1;

impl LockedRuns {
    /// Writes what changed since the last save, at that time.
    pub(crate) async fn save(&mut self, tx: &Transaction, now: Timestamp) -> Result<(), DbErr> {
        let mut rows = Changed::default();
        for run in self.runs.values_mut() {
            let changes = std::mem::take(&mut run.changes);
            if changes.run {
                rows.runs.push(run.row.id);
                tx.note_subject_change(run.row.id.0);
                rows.collect(run, &changes, now);
            }
        }
        rows.write(tx).await?;
        self.save_runs(tx, &rows.runs, now).await
    }
}

/// Rows to write, of all runs.
#[derive(Default)]
struct Changed {
    runs: Vec<RunId>,
    nodes: Vec<node_runs::ActiveModel>,
    edges: Vec<edge_runs::ActiveModel>,
    attempts: Vec<attempts::ActiveModel>,
    waits: Vec<waits::ActiveModel>,
    signals: Vec<signals::ActiveModel>,
    loops: loops::Changed,
    removed_nodes: Vec<[String; 2]>,
    removed_edges: Vec<[String; 2]>,
    removed_of: Vec<(RunId, usize, usize)>,
}

impl Changed {
    fn collect(&mut self, run: &mut LockedRun, changes: &Changes, now: Timestamp) {
        let Some(version) = run.version.clone() else { return };
        let removed = (self.removed_nodes.len(), self.removed_edges.len());
        for place in &changes.nodes {
            match node_row(run, &version, place) {
                Some(row) => self.nodes.push(row),
                None => self.removed_nodes.push(named(&version, place)),
            }
        }
        for key in &changes.edges {
            match edge_row(run, &version, key) {
                Some(row) => self.edges.push(row),
                None => {
                    self.removed_edges.push([key.0.to_string(), edge_name(&version.plan, key.1)]);
                }
            }
        }
        self.removed_of.push((
            run.row.id,
            self.removed_nodes.len() - removed.0,
            self.removed_edges.len() - removed.1,
        ));
        self.loops.collect(run, &version, changes, now);
        self.waits.extend(changes.waits.iter().filter_map(|place| wait_row(run, &version, place)));
        self.signals.extend(changes.signals.iter().filter_map(|id| signal_row(run, &version, id)));
        self.attempts.extend(std::mem::take(&mut run.failed).into_iter().map(|failed| {
            let [scope, node] = named(&version, &failed.place);
            attempts::ActiveModel {
                run_id: Set(run.row.id),
                scope: Set(scope),
                node: Set(node),
                generation: Set(count(failed.generation)),
                round: Set(count(failed.round)),
                attempt: Set(count(failed.attempt)),
                job_id: Set(failed.job),
                error: Set(json_of(&failed.error)),
                ready_at: Set(failed.ready_at),
                finished_at: Set(failed.finished_at),
            }
        }));
        run.outputs.clear();
        run.signals.clear();
    }

    async fn write(&mut self, tx: &Transaction) -> Result<(), DbErr> {
        self.remove(tx).await?;
        upsert(tx, std::mem::take(&mut self.nodes), node_conflict()).await?;
        let edges = OnConflict::columns([
            edge_runs::Column::RunId,
            edge_runs::Column::Scope,
            edge_runs::Column::Edge,
        ])
        .update_columns([edge_runs::Column::Taken, edge_runs::Column::Error, edge_runs::Column::Late])
        .to_owned();
        upsert(tx, std::mem::take(&mut self.edges), edges).await?;
        let nothing = OnConflict::new().do_nothing().to_owned();
        upsert(tx, std::mem::take(&mut self.attempts), nothing).await?;
        self.loops.write(tx).await?;
        upsert(tx, std::mem::take(&mut self.waits), wait_conflict()).await?;
        let signals = OnConflict::columns([signals::Column::RunId, signals::Column::Id])
            .update_columns([signals::Column::TakenScope, signals::Column::TakenNode])
            .to_owned();
        upsert(tx, std::mem::take(&mut self.signals), signals).await
    }

    /// Deletes the rows that a retry removed.
    async fn remove(&mut self, tx: &Transaction) -> Result<(), DbErr> {
        let (mut nodes, mut edges) = (self.removed_nodes.as_slice(), self.removed_edges.as_slice());
        for (run, node_count, edge_count) in &self.removed_of {
            let (some_nodes, other_nodes) = nodes.split_at(*node_count);
            let (some_edges, other_edges) = edges.split_at(*edge_count);
            delete(tx, ("workflow_node_runs", "node"), *run, some_nodes).await?;
            delete(tx, ("workflow_edge_runs", "edge"), *run, some_edges).await?;
            (nodes, edges) = (other_nodes, other_edges);
        }
        self.loops.remove(tx).await
    }
}

/// Deletes rows of a run by their scope and their name in it.
async fn delete(
    tx: &Transaction,
    (table, name): (&str, &str),
    run: RunId,
    keys: &[[String; 2]],
) -> Result<(), DbErr> {
    for some in keys.chunks(ROWS) {
        let mut sql = Sql::new(tx.get_database_backend());
        sql.push("DELETE FROM ").push(table).push(" WHERE run_id = ").bind(run).push(" AND (scope, ");
        sql.push(name).push(") IN (VALUES ");
        for (index, [scope, key]) in some.iter().enumerate() {
            sql.push(if index == 0 { "(" } else { ", (" }).bind(scope.as_str());
            sql.push(", ").bind(key.as_str()).push(")");
        }
        sql.push(")");
        tx.execute_raw(sql.build()).await?;
    }
    Ok(())
}

async fn upsert<A>(tx: &Transaction, rows: Vec<A>, conflict: OnConflict) -> Result<(), DbErr>
where
    A: ActiveModelTrait + Clone + Send,
{
    for some in rows.chunks(ROWS) {
        let insert = A::Entity::insert_many(some.to_vec()).on_conflict(conflict.clone());
        insert.exec_without_returning(&**tx).await?;
    }
    Ok(())
}

fn node_conflict() -> OnConflict {
    use node_runs::Column as C;
    let same = |column: &str| {
        let table = "workflow_node_runs";
        Expr::cust(format!(
            "CASE WHEN excluded.output_bytes < 0 THEN {table}.{column} ELSE excluded.{column} END"
        ))
    };
    OnConflict::columns([C::RunId, C::Scope, C::Node])
        .update_columns([
            C::State,
            C::Generation,
            C::Round,
            C::Attempt,
            C::Port,
            C::Passed,
            C::Error,
            C::Handled,
            C::RetryAt,
            C::Cause,
            C::JobId,
            C::Revision,
            C::ReadyAt,
            C::FinishedAt,
        ])
        .value(C::Output, same("output"))
        .value(C::OutputObject, same("output_object"))
        .value(C::OutputBytes, same("output_bytes"))
        .to_owned()
}

fn node_row(run: &LockedRun, version: &LoadedVersion, place: &Place) -> Option<node_runs::ActiveModel> {
    let row = run.state.nodes.get(place)?;
    let facts = run.nodes.get(place)?;
    let [scope, node] = named(version, place);
    let (output, object, bytes) = match run.outputs.get(place) {
        None => (None, None, SAME_OUTPUT),
        Some(Output::Clear) => (None, None, 0),
        Some(Output::Set(stored)) => {
            let bytes = i64::try_from(stored.bytes).unwrap_or(i64::MAX);
            (stored.value.as_ref().map(without_nul), stored.object.clone(), bytes)
        }
    };
    Some(node_runs::ActiveModel {
        run_id: Set(run.row.id),
        scope: Set(scope),
        node: Set(node),
        state: Set(row.state),
        generation: Set(count(row.generation)),
        round: Set(count(row.round)),
        attempt: Set(count(row.attempt)),
        port: Set(row.port.clone()),
        passed: Set(row.passed),
        error: Set(row.error.as_ref().map(json_of)),
        handled: Set(row.handled),
        retry_at: Set(row.retry_at.map(atelier_entities::to_micros)),
        cause: Set(row.cause),
        job_id: Set(facts.job),
        output: Set(output),
        output_object: Set(object),
        output_bytes: Set(bytes),
        revision: Set(run.row.revision),
        ready_at: Set(facts.ready_at),
        finished_at: Set(facts.finished_at),
    })
}

fn edge_row(
    run: &LockedRun,
    version: &LoadedVersion,
    key: &(crate::engine::ScopePath, crate::engine::EdgeId),
) -> Option<edge_runs::ActiveModel> {
    let row = run.state.edges.get(key)?;
    Some(edge_runs::ActiveModel {
        run_id: Set(run.row.id),
        scope: Set(key.0.to_string()),
        edge: Set(edge_name(&version.plan, key.1)),
        taken: Set(row.taken),
        error: Set(row.error),
        late: Set(row.late),
    })
}

fn wait_conflict() -> OnConflict {
    use waits::Column as C;
    let kept = |column: &str| Expr::cust(format!("COALESCE(excluded.{column}, workflow_waits.{column})"));
    OnConflict::columns([C::RunId, C::Scope, C::Node, C::Generation, C::Round, C::Attempt])
        .update_columns([C::Closed, C::Held])
        .value(C::JobId, kept("job_id"))
        .value(C::AwaitedJobId, kept("awaited_job_id"))
        .value(C::Answer, kept("answer"))
        .value(C::AnsweredBy, kept("answered_by"))
        .value(C::AnsweredAt, kept("answered_at"))
        .to_owned()
}

fn wait_row(run: &LockedRun, version: &LoadedVersion, place: &Place) -> Option<waits::ActiveModel> {
    let row = run.state.waits.get(place)?;
    let facts: &WaitFacts = run.waits.get(place)?;
    let [scope, node] = named(version, place);
    Some(waits::ActiveModel {
        run_id: Set(run.row.id),
        scope: Set(scope),
        node: Set(node),
        generation: Set(count(facts.generation)),
        round: Set(count(facts.round)),
        attempt: Set(count(facts.attempt)),
        kind: Set(row.kind),
        key: Set(row.key.clone()),
        due_at: Set(row.due),
        opened_at: Set(row.opened_at),
        closed: Set(row.closed),
        held: Set(row.held),
        job_id: Set(facts.job),
        awaited_job_id: Set(facts.awaited),
        token_hash: Set(facts.token_hash.clone()),
        question: Set(facts.question.as_ref().map(without_nul)),
        answer: Set(facts.answer.as_ref().map(|answer| without_nul(&answer.to_json()))),
        answered_by: Set(facts.answer.as_ref().and_then(|answer| answer.by)),
        answered_at: Set(facts.answer.as_ref().map(|answer| answer.at)),
    })
}

/// A signal that was loaded keeps its payload: it is in the row already.
fn signal_row(run: &LockedRun, version: &Arc<LoadedVersion>, id: &str) -> Option<signals::ActiveModel> {
    let row = run.state.signals.get(id)?;
    let sent = run.signals.get(id);
    let taken = row.taken_by.as_ref().map(|place| named(version, place));
    let [taken_scope, taken_node] = taken.map_or([None, None], |names| names.map(Some));
    Some(signals::ActiveModel {
        run_id: Set(run.row.id),
        id: Set(id.to_owned()),
        key: Set(row.key.clone()),
        payload: Set(sent.map(|sent| without_nul(&sent.payload)).unwrap_or_default()),
        sent_by: Set(sent.and_then(|sent| sent.by)),
        sent_at: Set(row.sent_at),
        taken_scope: Set(taken_scope),
        taken_node: Set(taken_node),
    })
}

fn named(version: &LoadedVersion, (scope, node): &Place) -> [String; 2] {
    [scope.to_string(), version.plan.key(*node).to_owned()]
}

/// Counts of the engine are bounded far below the largest number.
fn count(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// A record without NUL characters as JSON.
fn json_of(value: &impl serde::Serialize) -> serde_json::Value {
    without_nul(&serde_json::to_value(value).unwrap_or_default())
}

/// The keys of a set that have no row any more.
fn removed<'a, K: Ord, V>(
    changed: &'a BTreeSet<K>,
    rows: &'a std::collections::BTreeMap<K, V>,
) -> impl Iterator<Item = &'a K> {
    changed.iter().filter(|key| !rows.contains_key(key))
}
