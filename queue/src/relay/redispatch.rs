//! Tells what the transport lost from the ordinary filling of its windows.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use atelier_entities::{JobId, Timestamp};
use tokio::time::Instant;

use crate::{
    Fault, Queue,
    error::{QueueError, TransportError},
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
    /// By queue what the transport had after the last pass; none before the first pass.
    last: Option<HashMap<QueueName, Given>>,
    told: HashMap<QueueName, Seldom>,
    told_not_pushed: HashMap<QueueName, Seldom>,
}

/// What the transport has of a queue, as far as that is known.
#[derive(Debug, Default)]
struct Given {
    ids: HashSet<JobId>,
    /// It may have others too: its window was full of what may be those or not.
    and_others: bool,
}

/// What is next in a queue.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parted {
    /// The transport has them, unless it lost them.
    again: Vec<JobId>,
    /// It may have them.
    perhaps: Vec<JobId>,
    /// It has had no room for them, or they may be on their way to it.
    fresh: Vec<JobId>,
}

impl Offered {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn part(&self, queue: QueueName, ids: Vec<JobId>, now: Timestamp) -> Parted {
        let memory = self.lock();
        let given = memory.last.as_ref().map(|last| last.get(&queue));
        let mut parted = Parted::default();
        for id in ids {
            let part = match given {
                _ if !has_waited(id, now) => &mut parted.fresh,
                Some(Some(given)) if given.ids.contains(&id) => &mut parted.again,
                Some(given) if given.is_none_or(|given| !given.and_others) => &mut parted.fresh,
                _ => &mut parted.perhaps,
            };
            part.push(id);
        }
        parted
    }

    fn note(&self, queue: QueueName, given: Given) {
        self.lock().last.get_or_insert_default().insert(queue, given);
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

    /// Whether a log line is to tell now that ids of this queue could not be pushed.
    fn tell_not_pushed(&self, queue: QueueName) -> bool {
        let mut memory = self.lock();
        let told = memory.told_not_pushed.entry(queue).or_insert(Seldom::new(TELL_EVERY));
        told.add(1, Instant::now()).is_some()
    }
}

/// Whether the job was enqueued so long ago that its push must have been tried.
fn has_waited(id: JobId, now: Timestamp) -> bool {
    let enqueued = id.0.get_timestamp().map(|at| at.to_unix().0);
    let seconds = enqueued.and_then(|seconds| i64::try_from(seconds).ok());
    seconds.is_some_and(|seconds| now.timestamp() - seconds > PUSHED_WITHIN_SECS)
}

/// What a pass gave the transport.
#[derive(Debug, Default)]
pub(super) struct Offer {
    /// Ids that it did not have.
    pub(super) pushed: usize,
    /// Those of them that it had been given before.
    pub(super) redispatched: usize,
    /// Why it did not take some.
    pub(super) held_up: Option<Fault>,
}

/// Gives the transport what is next in each queue. What it does not take is counted, and
/// waits for another pass.
pub(super) async fn offer(queue: &Queue, next: HashMap<QueueName, Vec<JobId>>) -> Result<Offer, QueueError> {
    let names = next.keys().copied().collect();
    let (mut pushed, mut redispatched) = (0, 0);
    let mut held_up = None;
    let mut left = next.into_iter();
    while let Some((name, ids)) = left.next() {
        let count = ids.len();
        let (taken, lost) = match offer_one(queue, name, ids).await {
            Ok(offered) => offered,
            Err(QueueError::Transport(error)) => {
                held_up.get_or_insert(error.fault());
                not_pushed(queue, name, count, &error);
                // Where it is away, each further queue would only wait for it as long.
                if error.fault().may_pass() {
                    left.by_ref().for_each(|(name, ids)| not_pushed(queue, name, ids.len(), &error));
                }
                queue.heed(&error.into());
                continue;
            }
            Err(error) => return Err(error),
        };
        metrics::relayed(name, Pushed::Again, lost);
        metrics::relayed(name, Pushed::Refill, taken - lost);
        if let Some(jobs) = queue.offered().tell(name, lost) {
            let cause = "the transport lost them, or a worker could not start them";
            tracing::info!(queue = %name, jobs, cause, "due jobs were dispatched again");
        }
        pushed += taken;
        redispatched += lost;
    }
    queue.offered().forget_but(&names);
    Ok(Offer { pushed, redispatched, held_up })
}

/// Counts what the transport did not take, and tells it seldom.
fn not_pushed(queue: &Queue, name: QueueName, jobs: usize, error: &TransportError) {
    metrics::not_relayed(name, error.fault());
    if queue.offered().tell_not_pushed(name) {
        let code = error.fault().code();
        tracing::warn!(queue = %name, jobs, code, %error, "due jobs cannot be handed to workers now; tried again");
    }
}

async fn offer_one(queue: &Queue, name: QueueName, ids: Vec<JobId>) -> Result<(usize, usize), QueueError> {
    let count = ids.len();
    let Parted { again, perhaps, fresh } = queue.offered().part(name, ids, queue.now());
    let returned = push(queue, name, &again).await?;
    let doubtful = push(queue, name, &perhaps).await?;
    let taken = returned + doubtful + push(queue, name, &fresh).await?;
    // Where it has nothing of all that, what it may have had is gone as well.
    let has_nothing = returned == again.len() && doubtful == perhaps.len();
    let lost = match has_nothing {
        true => count_lost(queue, &[&again[..], &perhaps].concat(), returned + doubtful).await?,
        false => count_lost(queue, &again, returned).await?,
    };
    let is_full = taken < count && queue.transport().depth(name).await? >= queue.options().window;
    let mut given = Given { ids: again.into_iter().collect(), and_others: is_full };
    if !is_full {
        given.ids.extend(perhaps.into_iter().chain(fresh));
    }
    queue.offered().note(name, given);
    Ok((taken, lost))
}

async fn push(queue: &Queue, name: QueueName, ids: &[JobId]) -> Result<usize, QueueError> {
    if ids.is_empty() {
        return Ok(0);
    }
    Ok(queue.transport().push(name, ids, queue.options().window).await?)
}

/// How many of these ids the transport took because it no longer had them: those whose
/// jobs were claimed in the meantime had only just left it.
async fn count_lost(queue: &Queue, ids: &[JobId], taken: usize) -> Result<usize, QueueError> {
    if taken == 0 {
        return Ok(0);
    }
    let still = store::bounded(window::count_waiting(queue, ids)).await?;
    Ok(taken.saturating_sub(ids.len().saturating_sub(still)))
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
        let part = |at| {
            let Parted { again, perhaps, fresh } = offered.part(queue, vec![one, two], at);
            [again, perhaps, fresh]
        };
        let note = |ids: &[JobId], and_others| {
            offered.note(queue, Given { ids: ids.iter().copied().collect(), and_others });
        };

        assert_eq!(part(now), [vec![], vec![], vec![one, two]], "the push may be on its way");
        assert_eq!(part(later), [vec![], vec![one, two], vec![]], "nobody knows what was before");
        note(&[one], false);
        assert_eq!(part(later), [vec![one], vec![], vec![two]]);
        note(&[one], true);
        assert_eq!(part(later), [vec![one], vec![two], vec![]]);
        offered.forget_but(&HashSet::new());
        assert_eq!(part(later), [vec![], vec![], vec![one, two]]);
    }
}
