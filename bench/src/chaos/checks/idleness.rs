//! Checks that every worker takes jobs after the last fault.

use std::collections::{BTreeMap, HashMap};

use atelier_entities::{Timestamp, workers};
use atelier_queue::QueueName;
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait};

use super::evidence::Check;
use crate::chaos::tables::statement;

/// Queues that every worker must take jobs from.
pub(in crate::chaos) const BUSY: [QueueName; 4] =
    [QueueName::Generation, QueueName::Deployment, QueueName::Email, QueueName::Workflow];

/// Numbers of jobs taken, by process id and queue.
pub(in crate::chaos) type TakenJobs = HashMap<(u32, QueueName), i64>;

/// The name of a worker and its process id; none while it is down.
pub(in crate::chaos) type WorkerProcess = (String, Option<u32>);

/// Counts the jobs that the current workers have taken since then.
pub(in crate::chaos) async fn taken_since(
    direct: &DatabaseConnection,
    from: Timestamp,
) -> anyhow::Result<TakenJobs> {
    let pids: HashMap<_, _> = workers::Entity::find()
        .all(direct)
        .await?
        .into_iter()
        .filter_map(|worker| Some((worker.id, u32::try_from(worker.pid).ok()?)))
        .collect();
    let sql = "SELECT worker_id, queue, COUNT(*) AS jobs FROM jobs WHERE started_at >= $1 AND worker_id IS NOT NULL GROUP BY worker_id, queue";
    let mut taken = TakenJobs::new();
    for row in direct.query_all_raw(statement(direct, sql, [from.into()])).await? {
        let queue: String = row.try_get("", "queue")?;
        if let (Some(pid), Some(queue)) = (pids.get(&row.try_get("", "worker_id")?), QueueName::parse(&queue))
        {
            taken.insert((*pid, queue), row.try_get("", "jobs")?);
        }
    }
    Ok(taken)
}

/// The workers that took no job of a busy queue. A worker that is down took none.
pub(in crate::chaos) fn idle<'a>(
    worker_processes: &'a [WorkerProcess],
    taken: &TakenJobs,
) -> BTreeMap<QueueName, Vec<&'a WorkerProcess>> {
    let mut idle: BTreeMap<QueueName, Vec<&WorkerProcess>> = BTreeMap::new();
    for queue in BUSY {
        for worker in worker_processes {
            let jobs = worker.1.and_then(|pid| taken.get(&(pid, queue))).copied().unwrap_or(0);
            if jobs == 0 {
                idle.entry(queue).or_default().push(worker);
            }
        }
    }
    idle
}

/// The check of what each worker took during so many bursts.
pub(in crate::chaos) fn judge(worker_processes: &[WorkerProcess], taken: &TakenJobs, bursts: usize) -> Check {
    let idle = idle(worker_processes, taken);
    let breaches = idle.iter().flat_map(|(queue, idle)| {
        idle.iter().map(move |(name, pid)| {
            let pid = pid.map_or_else(|| "down".to_owned(), |pid| format!("process {pid}"));
            format!("{name} ({pid}) took no job of {queue} in {bursts} bursts for all workers: {taken:?}")
        })
    });
    let breaches = breaches.collect();
    Check::new("no worker stays idle while there is work", worker_processes.len() * BUSY.len(), breaches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker_processes() -> [WorkerProcess; 3] {
        [("worker-1".to_owned(), Some(11)), ("worker-2".to_owned(), Some(12)), ("worker-3".to_owned(), None)]
    }

    fn all_but(pid: u32, queue: QueueName) -> TakenJobs {
        let everything = [11, 12].into_iter().flat_map(|pid| BUSY.map(|queue| ((pid, queue), 3)));
        everything.filter(|(key, _)| *key != (pid, queue)).collect()
    }

    #[test]
    fn a_worker_that_took_of_every_queue_is_not_idle() {
        let taken = all_but(0, QueueName::Email);

        assert!(idle(&worker_processes()[..2], &taken).is_empty());
        assert_eq!(judge(&worker_processes()[..2], &taken, 1).broken, 0);
    }

    #[test]
    fn a_worker_whose_loop_of_one_queue_stands_still_is_found() {
        let taken = all_but(12, QueueName::Generation);

        let check = judge(&worker_processes()[..2], &taken, 14);

        assert_eq!((check.cases, check.broken), (8, 1));
        let told = &check.examples[0];
        assert!(told.contains("worker-2 (process 12) took no job of generation in 14 bursts"), "{told}");
    }

    #[test]
    fn a_worker_that_is_down_or_was_started_again_and_takes_nothing_is_idle() {
        let taken = all_but(0, QueueName::Email);
        let again = [("worker-1".to_owned(), Some(99))];

        assert_eq!(judge(&worker_processes(), &taken, 1).broken, BUSY.len(), "down");
        assert_eq!(judge(&again, &taken, 1).broken, BUSY.len(), "what its last process took does not count");
    }
}
