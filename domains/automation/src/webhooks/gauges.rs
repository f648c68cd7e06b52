//! How many deliveries wait, and how late they are, for Prometheus.

use std::time::Duration;

use atelier_entities::Timestamp;
use atelier_queue::{Queue, QueueError, Sql, metrics::workflows as metrics};
use sea_orm::ConnectionTrait;

/// Sets the gauges of webhooks from the database.
///
/// # Errors
/// If the database fails.
pub(crate) async fn observe(queue: &Queue) -> Result<(), QueueError> {
    let db = queue.db();
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'pending'");
    let pending: i64 = db
        .query_one_raw(sql.build())
        .await?
        .map(|row| row.try_get_by_index(0))
        .transpose()?
        .unwrap_or_default();
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT deliveries.next_at FROM webhook_deliveries AS deliveries JOIN webhook_subscriptions AS subscriptions ON subscriptions.id = deliveries.subscription_id WHERE deliveries.state = 'pending' AND deliveries.next_at <= ")
        .bind(queue.now())
        .push(" AND subscriptions.status = 'enabled' AND (subscriptions.throttled_until IS NULL OR subscriptions.throttled_until <= ")
        .bind(queue.now())
        .push(") ORDER BY deliveries.next_at LIMIT 1");
    let oldest: Option<Timestamp> =
        db.query_one_raw(sql.build()).await?.map(|row| row.try_get_by_index(0)).transpose()?;
    let age = oldest.and_then(|due| (queue.now() - due).to_std().ok());
    metrics::observe_webhooks(usize::try_from(pending).unwrap_or_default(), age.unwrap_or(Duration::ZERO));
    Ok(())
}
