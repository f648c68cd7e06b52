//! Ends of jobs that no worker runs.

use atelier_entities::{JobId, JobState, Timestamp, jobs};
use sea_orm::ConnectionTrait;

use super::{apply_effects, ended_job};
use crate::{Transaction, error::QueueError, outcome::JobError, settle::Settlement, store::sql::Sql};

/// Ends a job that no worker runs, and applies its effect. Answers whether it was still in
/// the state of `job`.
pub(crate) async fn end_unstarted(
    tx: &Transaction,
    job: &jobs::Model,
    state: JobState,
    error: &JobError,
) -> Result<bool, QueueError> {
    let settlement = settlement(state, error);
    let mut sql = Sql::new(tx.get_database_backend());
    push_end(&mut sql, &settlement, tx.now());
    sql.push(" WHERE id = ").bind(job.id).push(" AND state = ").bind(job.state.as_str());
    if tx.execute_raw(sql.build()).await?.rows_affected() == 0 {
        return Ok(false);
    }
    if !job.state.is_terminal() {
        apply_effects(tx, vec![ended_job(job, &settlement)]).await?;
    }
    tx.note_change(job.id);
    Ok(true)
}

/// Cancels jobs that no worker runs and that this transaction has locked, and applies their
/// effects, by one statement for all of them.
pub(crate) async fn end_all_unstarted(
    tx: &Transaction,
    jobs: &[&jobs::Model],
    error: &JobError,
) -> Result<(), QueueError> {
    if jobs.is_empty() {
        return Ok(());
    }
    let state = JobState::Cancelled;
    let settlement = settlement(state, error);
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    let mut sql = Sql::new(tx.get_database_backend());
    push_end(&mut sql, &settlement, tx.now());
    sql.push(" WHERE jobs.phase < 2 AND jobs.state <> 'running' AND id ").among(&ids);
    tx.execute_raw(sql.build()).await?;
    apply_effects(tx, jobs.iter().map(|job| ended_job(job, &settlement)).collect()).await?;
    ids.into_iter().for_each(|id| tx.note_change(id));
    Ok(())
}

fn settlement(state: JobState, error: &JobError) -> Settlement {
    Settlement {
        state,
        result: None,
        error: Some(error.to_json()),
        run_at: None,
        counted: true,
        record: None,
    }
}

fn push_end(sql: &mut Sql, settlement: &Settlement, now: Timestamp) {
    sql.push("UPDATE jobs SET state = ")
        .bind(settlement.state.as_str())
        .push(", phase = ")
        .bind(settlement.state.phase())
        .push(", error = ")
        .bind_json(settlement.error.as_ref())
        .push(", revision = revision + 1, finished_at = ")
        .bind(now)
        .push(", updated_at = ")
        .bind(now);
}
