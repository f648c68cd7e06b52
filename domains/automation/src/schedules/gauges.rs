//! How late schedules are, for Prometheus.

use std::time::Duration;

use atelier_entities::Timestamp;
use atelier_queue::{Queue, QueueError, Sql, metrics::workflows as metrics};
use sea_orm::ConnectionTrait;

/// Sets the gauges of schedules from the database.
///
/// # Errors
/// If the database fails.
pub(crate) async fn observe(queue: &Queue) -> Result<(), QueueError> {
    let db = queue.db();
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT next_fire_at FROM workflow_schedules WHERE next_fire_at IS NOT NULL ORDER BY next_fire_at LIMIT 1");
    let next: Option<Timestamp> =
        db.query_one_raw(sql.build()).await?.map(|row| row.try_get_by_index(0)).transpose()?;
    let overdue = next.and_then(|next| (queue.now() - next).to_std().ok());
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT COUNT(*) FROM workflow_schedule_ticks WHERE outcome = 'buffered'");
    let waiting: i64 = db
        .query_one_raw(sql.build())
        .await?
        .map(|row| row.try_get_by_index(0))
        .transpose()?
        .unwrap_or_default();
    metrics::observe_schedules(
        overdue.unwrap_or(Duration::ZERO),
        usize::try_from(waiting).unwrap_or_default(),
    );
    Ok(())
}
