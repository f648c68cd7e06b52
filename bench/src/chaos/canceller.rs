//! Somebody who changes their mind: cancels jobs at random.

use std::{sync::Arc, time::Duration};

use atelier_queue::{Queue, QueueError};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::ledger::Ledger;

const PATIENCE: Duration = Duration::from_secs(10);

/// Cancels jobs until it is told to stop.
pub(super) async fn run(queue: Queue, ledger: Arc<Ledger>, seed: u64, stop: CancellationToken) {
    let mut random = StdRng::seed_from_u64(seed);
    while !stop.is_cancelled() {
        let pause = Duration::from_millis(random.random_range(100..600));
        tokio::select! {
            () = time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        let Some(id) = ledger.pick_recent(random.random()) else { continue };
        ledger.note_cancel_asked(id);
        match time::timeout(PATIENCE, queue.cancel(id, None)).await {
            Ok(Ok(_)) => ledger.note_cancel(id, queue.now()),
            Ok(Err(QueueError::WrongState { .. })) => {}
            Ok(Err(error)) => tracing::debug!(%error, "not cancelled, or nobody knows"),
            Err(_late) => tracing::debug!("no answer to a request to cancel"),
        }
    }
}
