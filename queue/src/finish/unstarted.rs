//! Ends of jobs that no worker runs: one statement for many of them, with their effects.

use std::collections::HashSet;

use atelier_entities::{JobId, JobState, jobs};
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::Value;

use super::apply_effects;
use crate::{
    Transaction,
    error::QueueError,
    outcome::JobError,
    settle::Settlement,
    store::{
        sql::Sql,
        table::{Cell, Table},
    },
};

/// Jobs of one statement.
const BATCH: usize = 500;

/// Ends jobs that no worker runs, and applies their effects; a job that had ended before has
/// none. The caller has locked the jobs in the order of their ids. Answers those that were
/// still in the state of `jobs`.
pub(crate) async fn end_unstarted(
    tx: &Transaction,
    jobs: &[&jobs::Model],
    state: JobState,
    error: &JobError,
) -> Result<HashSet<JobId>, QueueError> {
    let error = error.to_json();
    let mut ended = HashSet::with_capacity(jobs.len());
    for some in jobs.chunks(BATCH) {
        ended.extend(update(tx, some, state, &error).await?);
    }
    let settlement =
        Settlement { state, result: None, error: Some(error), run_at: None, counted: true, record: None };
    let effects = tx.queue().effects();
    let affecting = jobs.iter().filter(|job| ended.contains(&job.id) && !job.state.is_terminal());
    let affecting = affecting.filter_map(|job| effects.affecting(job, state));
    apply_effects(tx, affecting.map(|job| job.ended(&settlement)).collect()).await?;
    tx.note_changes(ended.iter().copied());
    Ok(ended)
}

async fn update(
    tx: &Transaction,
    jobs: &[&jobs::Model],
    state: JobState,
    error: &Value,
) -> Result<Vec<JobId>, DbErr> {
    let now = tx.now();
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("UPDATE jobs SET state = ")
        .bind(state.as_str())
        .push(", phase = ")
        .bind(state.phase())
        .push(", error = ")
        .bind_json(Some(error))
        .push(", revision = revision + 1, finished_at = ")
        .bind(now)
        .push(", updated_at = ")
        .bind(now)
        .push(" FROM ");
    let rows = jobs.iter().map(|job| [Cell::Id(job.id.0), Cell::Text(Some(job.state.as_str().to_owned()))]);
    Table::new([("id", "uuid"), ("was", "text")], rows.collect()).push_to(&mut sql, "ended");
    sql.push(" WHERE jobs.id = ended.id AND jobs.state || '' = ended.was RETURNING jobs.id");
    tx.query_all_raw(sql.build()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}
