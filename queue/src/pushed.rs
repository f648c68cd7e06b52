//! What the relay of this process pushed to the transport. It tells ids that the transport
//! lost from those it has had no room for.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use atelier_entities::{JobId, Timestamp};
use tokio::time::Instant;

use crate::{log_throttle::LogThrottle, name::QueueName};

/// Seconds in which the push after an enqueue has succeeded or failed.
const PUSHED_WITHIN_SECS: i64 = 3;

/// Shortest time between two log lines about a queue.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The ids that earlier passes pushed, by queue.
#[derive(Debug, Default)]
pub(crate) struct PushedIds {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What the transport had after the last pass; none before the first pass.
    last: Option<HashMap<QueueName, Window>>,
    redispatch_logs: HashMap<QueueName, LogThrottle>,
    failure_logs: HashMap<QueueName, LogThrottle>,
}

/// What the transport has of a queue, as far as this process knows.
#[derive(Debug, Default)]
pub(crate) struct Window {
    pub(crate) ids: HashSet<JobId>,
    /// The window was full, so that the transport may have further ids.
    pub(crate) may_have_more: bool,
}

/// The next ids of a queue, by whether the transport has them already.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Candidates {
    /// The transport has them, unless it lost them.
    pub(crate) pushed: Vec<JobId>,
    /// The transport may have them.
    pub(crate) uncertain: Vec<JobId>,
    /// The transport had no room for them, or their first push is under way.
    pub(crate) fresh: Vec<JobId>,
}

impl PushedIds {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sorts the next ids of a queue by what earlier passes pushed.
    pub(crate) fn classify(&self, queue: QueueName, ids: Vec<JobId>, now: Timestamp) -> Candidates {
        let state = self.lock();
        let window = state.last.as_ref().map(|last| last.get(&queue));
        let mut candidates = Candidates::default();
        for id in ids {
            let class = match window {
                _ if !has_waited(id, now) => &mut candidates.fresh,
                Some(Some(window)) if window.ids.contains(&id) => &mut candidates.pushed,
                Some(window) if window.is_none_or(|window| !window.may_have_more) => &mut candidates.fresh,
                _ => &mut candidates.uncertain,
            };
            class.push(id);
        }
        candidates
    }

    /// Stores what the transport has of a queue after a pass.
    pub(crate) fn store(&self, queue: QueueName, window: Window) {
        self.lock().last.get_or_insert_default().insert(queue, window);
    }

    /// Removes queues without due work: they have no ids to lose.
    pub(crate) fn retain(&self, queues: &HashSet<QueueName>) {
        self.lock().last.get_or_insert_default().retain(|queue, _| queues.contains(queue));
    }

    /// How many redispatched ids a log line is to report now, if any.
    pub(crate) fn log_redispatched(&self, queue: QueueName, ids: usize) -> Option<usize> {
        let mut state = self.lock();
        let throttle = state.redispatch_logs.entry(queue).or_insert(LogThrottle::new(LOG_INTERVAL));
        throttle.add(ids, Instant::now())
    }

    /// Whether a log line is to report now that ids of this queue could not be pushed.
    pub(crate) fn log_failure(&self, queue: QueueName) -> bool {
        let mut state = self.lock();
        let throttle = state.failure_logs.entry(queue).or_insert(LogThrottle::new(LOG_INTERVAL));
        throttle.add(1, Instant::now()).is_some()
    }
}

/// Whether the job was enqueued so long ago that its first push is over.
fn has_waited(id: JobId, now: Timestamp) -> bool {
    let enqueued = id.0.get_timestamp().map(|at| at.to_unix().0);
    let seconds = enqueued.and_then(|seconds| i64::try_from(seconds).ok());
    seconds.is_some_and(|seconds| now.timestamp() - seconds > PUSHED_WITHIN_SECS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_classified_by_what_the_transport_was_given_before() {
        let (pushed_ids, queue) = (PushedIds::default(), QueueName::Email);
        let [one, two] = [JobId::new(), JobId::new()];
        let now = chrono::Utc::now();
        let later = now + Duration::from_secs(60);
        let classify = |at| {
            let Candidates { pushed, uncertain, fresh } = pushed_ids.classify(queue, vec![one, two], at);
            [pushed, uncertain, fresh]
        };
        let store = |ids: &[JobId], may_have_more| {
            pushed_ids.store(queue, Window { ids: ids.iter().copied().collect(), may_have_more });
        };

        assert_eq!(classify(now), [vec![], vec![], vec![one, two]], "the first push may be under way");
        assert_eq!(classify(later), [vec![], vec![one, two], vec![]], "nothing is known before a pass");
        store(&[one], false);
        assert_eq!(classify(later), [vec![one], vec![], vec![two]]);
        store(&[one], true);
        assert_eq!(classify(later), [vec![one], vec![two], vec![]]);
        pushed_ids.retain(&HashSet::new());
        assert_eq!(classify(later), [vec![], vec![], vec![one, two]]);
    }
}
