//! A time of work in peace after the last fault, in which every worker has to take
//! part.
//!
//! Who takes a job is a race, and where there is little to do, the same worker may win
//! it every time. So there are bursts of work: as many jobs as all workers have slots,
//! each of which keeps its slot for a while. One worker less cannot run them all at
//! once, so that a worker that takes none of them stands still.

use std::time::Duration;

use atelier_queue::QueueName;
use tokio::time::{self, Instant};

use super::{
    checks::{
        Check,
        idleness::{self, WorkerProcess},
    },
    enqueuer::JobRequest,
    installation::Installation,
    kinds::{Effectful, Hold, Sleep, Unique},
    ledger::Ledger,
    load, role,
};

/// How long it lasts at least.
pub(super) const LEAST: Duration = Duration::from_secs(15);

/// How long it lasts at most; a worker that has not taken of every queue by then
/// stands still.
const MOST: Duration = Duration::from_secs(60);

/// Between two bursts, as long as somebody has not taken part.
const BURST_EVERY: Duration = Duration::from_secs(4);

/// How long a job of a burst keeps its slot.
const HOLDS: Duration = Duration::from_secs(2);

/// Between two looks at what was taken.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Watches it, and judges whether every worker took part.
pub(super) async fn watch(installation: &Installation, ledger: &Ledger) -> anyhow::Result<Check> {
    let (from, begun) = (installation.enqueuer.now(), Instant::now());
    let (mut bursts, mut next_burst) = (0, begun);
    loop {
        let workers = installation.processes.workers.iter();
        let worker_processes: Vec<WorkerProcess> =
            workers.map(|worker| (worker.name().to_owned(), worker.pid())).collect();
        let taken = idleness::taken_since(&installation.direct, from).await?;
        let idle = idleness::idle(&worker_processes, &taken);
        if begun.elapsed() >= if idle.is_empty() { LEAST } else { MOST } {
            return Ok(idleness::judge(&worker_processes, &taken, bursts));
        }
        if !idle.is_empty() && Instant::now() >= next_burst {
            next_burst = Instant::now() + BURST_EVERY;
            bursts += 1;
            for queue in idle.keys() {
                load::submit(&installation.enqueuer, ledger, burst(*queue, worker_processes.len())).await;
            }
        }
        time::sleep(LOOK_EVERY).await;
    }
}

/// A job for every slot that so many workers have in this queue.
fn burst(queue: QueueName, workers: usize) -> Vec<JobRequest> {
    let slots = role::SLOTS.iter().find(|(name, _)| *name == queue).map_or(0, |(_, slots)| *slots);
    let millis = u64::try_from(HOLDS.as_millis()).unwrap_or(u64::MAX);
    let job = || match queue {
        QueueName::Generation => Some(JobRequest::of(&Sleep { millis })),
        QueueName::Deployment => Some(JobRequest::of(&Effectful { millis })),
        // Without its key: they run side by side.
        QueueName::Email => Some(JobRequest::of(&Unique { key: 0, millis })),
        QueueName::Workflow => Some(JobRequest::of(&Hold { millis })),
        QueueName::Stats | QueueName::Maintenance => None,
    };
    (0..slots * workers).filter_map(|_| job()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_a_busy_queue_is_more_than_one_worker_less_can_hold() {
        for queue in idleness::BUSY {
            let (_, slots) = role::SLOTS.into_iter().find(|(name, _)| *name == queue).expect("its slots");

            let jobs = burst(queue, 3);

            assert!(jobs.len() > 2 * slots, "{queue}: {} jobs", jobs.len());
        }
        assert!(HOLDS < BURST_EVERY, "one burst is over before the next");
    }
}
