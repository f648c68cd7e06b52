//! Deleting what is no longer needed of calls and secrets.

use atelier_entities::{workflow_hook_calls, workflow_hook_secrets, workflow_hook_test_calls};
use atelier_queue::{Queue, QueueError, removal::delete_in_batches};
use sea_orm::{ColumnTrait, Condition};

/// Deletes what calls are recognized by once they are not recognized any more, secrets that were replaced and
/// are not good any more, and old test calls.
pub(crate) async fn purge(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    let now = queue.now();
    let old = Condition::all().add(workflow_hook_calls::Column::ExpiresAt.lt(now));
    let calls = delete_in_batches::<workflow_hook_calls::Entity>(queue, old, batch).await?;
    let old = Condition::all().add(workflow_hook_secrets::Column::ExpiresAt.lt(now));
    let secrets = delete_in_batches::<workflow_hook_secrets::Entity>(queue, old, batch).await?;
    let old = Condition::all().add(workflow_hook_test_calls::Column::ExpiresAt.lt(now));
    let tests = delete_in_batches::<workflow_hook_test_calls::Entity>(queue, old, batch).await?;
    Ok(calls + secrets + tests)
}
