//! Checks after the last fault that every worker takes jobs.
//!
//! Workers compete for jobs, and under little load the same worker may win every time. So
//! jobs come in bursts: as many as all workers have slots, each of which keeps its slot for
//! a while. Without one of the workers they cannot all run at once, so that a worker that
//! takes none of them is stuck.

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

/// Least duration of the phase.
pub(super) const LEAST: Duration = Duration::from_secs(15);

/// Longest duration of the phase; a worker that has not taken a job of every queue by then
/// is stuck.
const MOST: Duration = Duration::from_secs(60);

/// Interval of bursts, while a worker has taken no job.
const BURST_EVERY: Duration = Duration::from_secs(4);

/// How long a job of a burst keeps its slot.
const HOLDS: Duration = Duration::from_secs(2);

/// Interval of counting the jobs that were taken.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Enqueues bursts until every worker has taken jobs of every queue, or the time is over.
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

/// As many jobs as so many workers have slots for this queue.
fn burst(queue: QueueName, workers: usize) -> Vec<JobRequest> {
    let slots = role::SLOTS.iter().find(|(name, _)| *name == queue).map_or(0, |(_, slots)| *slots);
    let millis = u64::try_from(HOLDS.as_millis()).unwrap_or(u64::MAX);
    let job = || match queue {
        QueueName::Generation => Some(JobRequest::of(&Sleep { millis })),
        QueueName::Deployment => Some(JobRequest::of(&Effectful { millis })),
        // Without a unique key: they run concurrently.
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
