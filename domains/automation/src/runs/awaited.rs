//! The ends of jobs that nodes wait for.

use std::collections::{BTreeMap, HashMap};

use atelier_entities::{JobId, JobState, RunId, jobs};
use atelier_foundation::job_ends::Ended;
use atelier_queue::{EndedJob, QueueError, Sql, Transaction};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter};
use serde_json::Value;

use super::{MAX_INLINE_BYTES, RunNode, Stored, advance::advance, effects::error_of, event::RunEvent};
use crate::engine::NodeError;

/// The columns of [`AwaitedWait`], of the table `waits`.
const WAIT: &str = "waits.run_id, waits.scope, waits.node, waits.generation, waits.round, waits.attempt, waits.awaited_job_id";

/// A wait for a job.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
struct AwaitedWait {
    run_id: RunId,
    scope: String,
    node: String,
    generation: i32,
    round: i32,
    attempt: i32,
    awaited_job_id: JobId,
}

impl AwaitedWait {
    fn to_args(&self) -> RunNode {
        let numbers = [self.generation, self.round, self.attempt];
        RunNode::of_row(self.run_id, &self.scope, &self.node, numbers)
    }
}

/// Ends the waits for jobs that end in this transaction. Nothing is read for jobs that no run waits for.
pub(super) async fn end_waits(tx: &Transaction, jobs: &[EndedJob]) -> Result<(), QueueError> {
    let awaited: BTreeMap<JobId, Ended<'_>> =
        jobs.iter().filter(|job| job.awaited_by().is_some()).map(|job| (job.id, Ended::from(job))).collect();
    if awaited.is_empty() {
        return Ok(());
    }
    let ids: Vec<JobId> = awaited.keys().copied().collect();
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT ")
        .push(WAIT)
        .push(" FROM workflow_waits AS waits WHERE NOT waits.closed AND waits.awaited_job_id ")
        .among(&ids);
    let waits = AwaitedWait::find_by_statement(sql.build()).all(&**tx).await?;
    let events: Vec<_> = waits
        .into_iter()
        .filter_map(|wait| {
            let end = end_of(*awaited.get(&wait.awaited_job_id)?);
            Some((wait.run_id, RunEvent::JobEnded(wait.to_args(), end)))
        })
        .collect();
    if events.is_empty() {
        return Ok(());
    }
    advance(tx, events).await.map(drop)
}

/// Ends waits for jobs that have ended already, or are gone: at most `batch`. Returns how many there were.
pub(super) async fn end_stale_waits(tx: &Transaction, batch: u64) -> Result<usize, QueueError> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT ")
        .push(WAIT)
        .push(" FROM workflow_waits AS waits JOIN workflow_runs AS runs ON runs.id = waits.run_id WHERE NOT waits.closed AND waits.awaited_job_id IS NOT NULL AND runs.finished_at IS NULL AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = waits.awaited_job_id AND jobs.phase < 2) LIMIT ")
        .push(&batch.to_string());
    let waits = AwaitedWait::find_by_statement(sql.build()).all(&**tx).await?;
    if waits.is_empty() {
        return Ok(0);
    }
    let ids = waits.iter().map(|wait| wait.awaited_job_id);
    let rows = jobs::Entity::find().filter(jobs::Column::Id.is_in(ids)).all(&**tx).await?;
    let rows: HashMap<JobId, jobs::Model> = rows.into_iter().map(|job| (job.id, job)).collect();
    let events: Vec<_> = waits
        .into_iter()
        .filter_map(|wait| {
            let end = match rows.get(&wait.awaited_job_id) {
                // It was tried again meanwhile.
                Some(job) if !job.state.is_terminal() => return None,
                Some(job) => end_of(job.into()),
                None => Err(NodeError::new("JOB_MISSING", "The job that the node waited for is gone.")),
            };
            Some((wait.run_id, RunEvent::JobEnded(wait.to_args(), end)))
        })
        .collect();
    let found = events.len();
    advance(tx, events).await?;
    Ok(found)
}

/// The jobs that nodes of a run waited for and wait for no longer, but that have not been told to stop.
pub(super) async fn list_abandoned(tx: &Transaction, run: RunId) -> Result<Vec<JobId>, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT waits.awaited_job_id FROM workflow_waits AS waits JOIN jobs ON jobs.id = waits.awaited_job_id WHERE waits.closed AND jobs.phase < 2 AND jobs.cancel_requested_at IS NULL AND waits.run_id = ")
        .bind(run);
    tx.query_all_raw(sql.build()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// What a node gives whose job ended, or why it fails.
fn end_of(job: Ended<'_>) -> Result<Stored, NodeError> {
    if job.state != JobState::Succeeded {
        return Err(error_of(job.error));
    }
    let output = Stored::inline(Value::Object(job.outcome()));
    if output.bytes <= MAX_INLINE_BYTES as u64 {
        Ok(output)
    } else {
        Ok(Stored::inline(Value::Object(job.ids())))
    }
}
