//! Progress and log lines of running jobs. Each write is guarded by the attempt's fence: an
//! attempt that lost its job writes nothing.

use atelier_entities::jobs;
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::Value;

use crate::{Queue, error::QueueError, store::sql::Sql};

/// Writes the progress of an attempt, and an event where it begins a stage. Answers whether
/// the fence matched.
pub(crate) async fn write(
    queue: &Queue,
    job: &jobs::Model,
    progress: &Value,
    new_stage: bool,
) -> Result<bool, QueueError> {
    let now = queue.now();
    let mut sql = Sql::new(queue.db().get_database_backend());
    sql.push("UPDATE jobs SET progress = ")
        .bind_json(Some(progress))
        .push(", revision = revision + 1, updated_at = ")
        .bind(now)
        .push(" WHERE ");
    push_fence(&mut sql, job);
    let turn = queue.write_turn().await;
    let written = queue.db().execute_raw(sql.build()).await?.rows_affected() > 0;
    drop(turn);
    if written && new_stage {
        append_event(queue, job, NewEvent { kind: "progress", data: progress, most: most_lines(queue) })
            .await?;
    }
    Ok(written)
}

/// An event to be appended.
pub(crate) struct NewEvent<'a> {
    pub(crate) kind: &'a str,
    pub(crate) data: &'a Value,
    /// The greatest number that it may get.
    pub(crate) most: u32,
}

/// Most events of a job.
pub(crate) fn most_lines(queue: &Queue) -> u32 {
    queue.options().max_log_lines
}

/// Most events of a job's own kinds: a fifth of the log stays for stages and lines.
pub(crate) fn most_own_events(queue: &Queue) -> u32 {
    let most = most_lines(queue);
    most - most / 5
}

/// Appends an event of a job with the next number, unless that is greater than allowed or the
/// attempt's fence does not match. Answers whether it was appended.
///
/// The job's row is locked, so that no other attempt starts between the check of the fence
/// and the insert. The attempt itself must append one event after the other: two
/// concurrent statements would use the same number.
pub(crate) async fn append_event(
    queue: &Queue,
    job: &jobs::Model,
    NewEvent { kind, data, most }: NewEvent<'_>,
) -> Result<bool, DbErr> {
    let mut sql = Sql::new(queue.db().get_database_backend());
    sql.push("INSERT INTO job_events (job_id, seq, kind, data, created_at) SELECT held.id, last.seq + 1, ")
        .bind(kind)
        .push(", ")
        .bind_json(Some(data))
        .push(", ")
        .bind(queue.now())
        .push(" FROM (SELECT id FROM jobs WHERE ");
    push_fence(&mut sql, job);
    sql.lock()
        .push(") AS held CROSS JOIN (SELECT COALESCE(MAX(seq), 0) AS seq FROM job_events WHERE job_id = ")
        .bind(job.id)
        .push(") AS last WHERE last.seq < ")
        .push(&most.to_string());
    let _turn = queue.write_turn().await;
    Ok(queue.db().execute_raw(sql.build()).await?.rows_affected() > 0)
}

/// Appends the condition that the attempt still has the job.
fn push_fence(sql: &mut Sql, job: &jobs::Model) {
    sql.push("id = ").bind(job.id).push(" AND fence = ").bind(job.fence).push(" AND state = 'running'");
}
