//! Deleting old deliveries, and secrets that no longer sign.

use std::time::Duration;

use atelier_entities::{DeliveryState, webhook_deliveries as deliveries, webhook_secrets};
use atelier_queue::{Queue, QueueError, removal::delete_in_batches};
use sea_orm::{ColumnTrait, Condition};

/// How long a delivery is kept with its attempts.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Deletes old deliveries that do not wait for an attempt, and secrets whose time is over, in batches.
pub(crate) async fn purge(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    use deliveries::Column as C;
    let old = Condition::all()
        .add(C::CreatedAt.lt(queue.now() - RETENTION))
        .add(C::State.ne(DeliveryState::Pending));
    let rows = delete_in_batches::<deliveries::Entity>(queue, old, batch).await?;
    let over = Condition::all().add(webhook_secrets::Column::ExpiresAt.lt(queue.now()));
    Ok(rows + delete_in_batches::<webhook_secrets::Entity>(queue, over, batch).await?)
}
