//! A worker process of a measurement: this program, started by itself.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{cli::WorkerArgs, kinds, latency, testbed};

/// Runs jobs until SIGTERM.
pub(super) async fn run(args: WorkerArgs) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let token = shutdown.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        token.cancel();
    });
    let queue = testbed::queue(&args.database_url, &args.redis_url, testbed::CONNECTIONS).await?;
    queue.clock().follow(queue.db()).await?;
    let options = latency::options(kinds::concurrency(args.queues, args.concurrency));
    atelier_queue::worker::run(queue, kinds::registry()?, options, shutdown).await?;
    Ok(())
}
