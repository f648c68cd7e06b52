//! Deleting what is no longer needed of calls and secrets.

use atelier_entities::{workflow_hook_calls, workflow_hook_secrets, workflow_hook_test_calls};
use atelier_queue::{Queue, QueueError, removal::delete_in_batches};
use sea_orm::{ColumnTrait, Condition};

/// Deletes what calls are recognized by, once they are not recognized any more.
pub(crate) async fn purge_calls(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    let old = Condition::all().add(workflow_hook_calls::Column::ExpiresAt.lt(queue.now()));
    delete_in_batches::<workflow_hook_calls::Entity>(queue, old, batch).await
}

/// Deletes test calls that are not kept any longer.
pub(crate) async fn purge_test_calls(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    let old = Condition::all().add(workflow_hook_test_calls::Column::ExpiresAt.lt(queue.now()));
    delete_in_batches::<workflow_hook_test_calls::Entity>(queue, old, batch).await
}

/// Deletes secrets that were replaced and are not good any more.
pub(crate) async fn purge_secrets(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    let old = Condition::all().add(workflow_hook_secrets::Column::ExpiresAt.lt(queue.now()));
    delete_in_batches::<workflow_hook_secrets::Entity>(queue, old, batch).await
}
