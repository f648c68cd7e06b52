//! What a running job tells of itself.

use atelier_entities::{JobId, jobs};
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::Value;

use crate::{Queue, error::QueueError, store::sql::Sql};

/// Writes the progress of an attempt if its fence still holds, and keeps it as an
/// event where it begins a stage. Answers whether the fence held.
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
        .push(" WHERE id = ")
        .bind(job.id)
        .push(" AND fence = ")
        .bind(job.fence)
        .push(" AND state = 'running'");
    let turn = queue.write_turn().await;
    let written = queue.db().execute_raw(sql.build()).await?.rows_affected() > 0;
    drop(turn);
    if written && new_stage {
        append_event(queue, job.id, "progress", progress).await?;
    }
    Ok(written)
}

/// Keeps an event of a job under the next number, as long as fewer than the bound
/// are kept.
pub(crate) async fn append_event(queue: &Queue, id: JobId, kind: &str, data: &Value) -> Result<(), DbErr> {
    let mut sql = Sql::new(queue.db().get_database_backend());
    sql.push("INSERT INTO job_events (job_id, seq, kind, data, created_at) SELECT ")
        .bind(id)
        .push(", COALESCE(MAX(seq), 0) + 1, ")
        .bind(kind)
        .push(", ")
        .bind_json(Some(data))
        .push(", ")
        .bind(queue.now())
        .push(" FROM job_events WHERE job_id = ")
        .bind(id)
        .push(" HAVING COALESCE(MAX(seq), 0) < ")
        .push(&queue.options().max_log_lines.to_string());
    let _turn = queue.write_turn().await;
    queue.db().execute_raw(sql.build()).await?;
    Ok(())
}
