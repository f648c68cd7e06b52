//! Deleting what became of fire times long ago.

use std::time::Duration;

use atelier_entities::{TickOutcome, workflow_schedule_ticks};
use atelier_queue::{Queue, QueueError, removal::delete_in_batches};
use sea_orm::{ColumnTrait, Condition};

/// How long it is kept what became of a fire time: thirty days, as its run.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Deletes old rows of fire times that do not wait, in batches.
pub(crate) async fn purge_ticks(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    use workflow_schedule_ticks::Column as C;
    let old = Condition::all()
        .add(C::CreatedAt.lt(queue.now() - RETENTION))
        .add(C::Outcome.ne(TickOutcome::Buffered));
    delete_in_batches::<workflow_schedule_ticks::Entity>(queue, old, batch).await
}
