//! A cache of how long jobs of each queue take.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::name::QueueName;

/// How long a mean is cached.
const TTL: Duration = Duration::from_secs(5);

/// The mean run time by queue, and when it was computed.
type Means = HashMap<QueueName, (Instant, Option<Duration>)>;

/// The cached mean run times.
#[derive(Debug, Default)]
pub(crate) struct RunTimes {
    means: Mutex<Means>,
}

impl RunTimes {
    fn lock(&self) -> MutexGuard<'_, Means> {
        self.means.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cached mean of a queue: none where there is no fresh one, and within it none
    /// where no job has ended lately.
    pub(crate) fn cached(&self, queue: QueueName) -> Option<Option<Duration>> {
        self.lock().get(&queue).filter(|(at, _)| at.elapsed() < TTL).map(|(_, mean)| *mean)
    }

    /// Caches a mean.
    pub(crate) fn store(&self, queue: QueueName, mean: Option<Duration>) {
        self.lock().insert(queue, (Instant::now(), mean));
    }
}
