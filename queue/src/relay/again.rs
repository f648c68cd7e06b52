//! Tells what the transport lost from the ordinary filling of its windows.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use atelier_entities::{JobId, Timestamp};
use tokio::time::Instant;

use crate::{
    Queue,
    error::QueueError,
    metrics::{self, Pushed},
    name::QueueName,
    seldom::Seldom,
    store::{self, window},
};

/// Seconds within which whoever enqueues a job has pushed its id, or has failed to.
const PUSHED_WITHIN_SECS: i64 = 3;

/// Shortest time between two log lines about a queue.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What the passes of this process gave the transport.
#[derive(Debug, Default)]
pub(crate) struct Offered {
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// By queue what the last pass saw in the transport; none before the first pass.
    last: Option<HashMap<QueueName, HashSet<JobId>>>,
    told: HashMap<QueueName, Seldom>,
}

impl Offered {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parts ids into those that the transport should have and those that it has had no
    /// room for, or has not been told of yet.
    fn part(&self, queue: QueueName, ids: Vec<JobId>, now: Timestamp) -> (Vec<JobId>, Vec<JobId>) {
        let memory = self.lock();
        let last = memory.last.as_ref().map(|last| last.get(&queue));
        let was_given = |id: &JobId| match last {
            None => true,
            Some(given) => given.is_some_and(|given| given.contains(id)),
        };
        ids.into_iter().partition(|id| has_waited(*id, now) && was_given(id))
    }

    fn note(&self, queue: QueueName, ids: HashSet<JobId>) {
        self.lock().last.get_or_insert_default().insert(queue, ids);
    }

    /// Queues without any due work have nothing to lose.
    fn forget_but(&self, queues: &HashSet<QueueName>) {
        self.lock().last.get_or_insert_default().retain(|queue, _| queues.contains(queue));
    }

    /// How many ids a log line is to tell of now.
    fn tell(&self, queue: QueueName, lost: usize) -> Option<usize> {
        let mut memory = self.lock();
        memory.told.entry(queue).or_insert(Seldom::new(TELL_EVERY)).add(lost, Instant::now())
    }
}

/// Whether the job was enqueued so long ago that its push must have been tried.
fn has_waited(id: JobId, now: Timestamp) -> bool {
    let enqueued = id.0.get_timestamp().map(|at| at.to_unix().0);
    let seconds = enqueued.and_then(|seconds| i64::try_from(seconds).ok());
    seconds.is_some_and(|seconds| now.timestamp() - seconds > PUSHED_WITHIN_SECS)
}

/// Gives the transport what is next in each queue and answers how many ids it did not
/// have, and how many of those it had been given before.
pub(super) async fn offer(
    queue: &Queue,
    next: HashMap<QueueName, Vec<JobId>>,
) -> Result<(usize, usize), QueueError> {
    let offered = queue.offered();
    offered.forget_but(&next.keys().copied().collect());
    let (mut pushed, mut redispatched) = (0, 0);
    for (name, ids) in next {
        let (again, fresh) = offered.part(name, ids, queue.now());
        let taken = push(queue, name, &again).await?;
        redispatched += tell_lost(queue, name, &again, taken).await?;
        let added = push(queue, name, &fresh).await?;
        metrics::relayed(name, Pushed::Refill, added);
        // What a full window left out is not given yet.
        let all = added == fresh.len() || queue.transport().depth(name).await? < queue.options().window;
        offered.note(name, again.into_iter().chain(fresh.into_iter().filter(|_| all)).collect());
        pushed += taken + added;
    }
    Ok((pushed, redispatched))
}

async fn push(queue: &Queue, name: QueueName, ids: &[JobId]) -> Result<usize, QueueError> {
    if ids.is_empty() {
        return Ok(0);
    }
    Ok(queue.transport().push(name, ids, queue.options().window).await?)
}

/// Counts and tells of ids that the transport took although it had been given them, and
/// answers how many they are. Those whose jobs were claimed in the meantime had only just
/// left it.
async fn tell_lost(queue: &Queue, name: QueueName, ids: &[JobId], taken: usize) -> Result<usize, QueueError> {
    let still = match taken {
        0 => ids.len(),
        _ => store::bounded(window::count_waiting(queue, ids)).await?,
    };
    let lost = taken.saturating_sub(ids.len() - still.min(ids.len()));
    metrics::relayed(name, Pushed::Again, lost);
    metrics::relayed(name, Pushed::Refill, taken - lost);
    if let Some(jobs) = queue.offered().tell(name, lost) {
        let cause = "the transport lost them, or a worker could not start them";
        tracing::info!(queue = %name, jobs, cause, "due jobs were dispatched again");
    }
    Ok(lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_before_is_parted_from_what_comes_for_the_first_time() {
        let (offered, queue) = (Offered::default(), QueueName::Email);
        let [one, two] = [JobId::new(), JobId::new()];
        let now = chrono::Utc::now();
        let later = now + Duration::from_secs(60);
        let part = |ids: [JobId; 2], at| offered.part(queue, ids.to_vec(), at);

        assert_eq!(part([one, two], now), (vec![], vec![one, two]), "the push may be on its way");
        assert_eq!(part([one, two], later), (vec![one, two], vec![]), "nobody knows what was before");
        offered.note(queue, HashSet::from([one]));
        assert_eq!(part([one, two], later), (vec![one], vec![two]));
        offered.forget_but(&HashSet::new());
        assert_eq!(part([one, two], later), (vec![], vec![one, two]));
    }
}
