//! Running a worker.

use atelier_queue::{
    QueueError,
    worker::{self, WorkerOptions},
};
use atelier_services::{Services, registry};
use tokio_util::sync::CancellationToken;

/// Works until the shutdown, then lets running jobs end within the grace of the
/// options and gives the others back to the queue.
pub async fn run(
    services: &Services,
    options: WorkerOptions,
    shutdown: CancellationToken,
) -> Result<(), QueueError> {
    let handlers = registry(services)?;
    worker::run(services.queue.clone(), handlers, options, shutdown).await
}
