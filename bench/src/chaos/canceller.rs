//! Cancels random jobs.

use std::{sync::Arc, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::{enqueuer::Enqueuer, ledger::Ledger};

/// Cancels jobs until it is told to stop.
pub(super) async fn run(enqueuer: Arc<Enqueuer>, ledger: Arc<Ledger>, seed: u64, stop: CancellationToken) {
    let mut random = StdRng::seed_from_u64(seed);
    while !stop.is_cancelled() {
        let pause = Duration::from_millis(random.random_range(100..600));
        tokio::select! {
            () = time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        let Some(id) = ledger.pick_recent(random.random()) else { continue };
        ledger.note_cancel_asked(id);
        if enqueuer.cancel(id).await {
            ledger.note_cancel(id, enqueuer.now());
        }
    }
}
