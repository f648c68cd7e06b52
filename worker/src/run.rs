//! Runs a worker.

use atelier_queue::{
    QueueError,
    worker::{self, WorkerOptions},
};
use atelier_services::{Services, registry};
use tokio_util::sync::CancellationToken;

/// Runs jobs until the shutdown. Then running jobs may end within the grace period of the
/// options, and the others are handed back to the queue.
pub async fn run(
    services: &Services,
    options: WorkerOptions,
    shutdown: CancellationToken,
) -> Result<(), QueueError> {
    let handlers = registry(services)?;
    worker::run(services.queue.clone(), handlers, options, shutdown).await
}
