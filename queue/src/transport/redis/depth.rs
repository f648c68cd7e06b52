//! A cache of a queue's depth, so that not every push queries it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The cached number of ids that wait in a queue.
#[derive(Debug, Default)]
pub(super) struct DepthCache {
    depth: Mutex<Option<(Instant, usize)>>,
}

/// How long a depth is cached.
const TTL: Duration = Duration::from_millis(100);

impl DepthCache {
    pub(super) fn store(&self, waiting: usize) {
        *self.depth.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), waiting));
    }

    pub(super) fn cached(&self) -> Option<usize> {
        let depth = *self.depth.lock().unwrap_or_else(PoisonError::into_inner);
        depth.filter(|(at, _)| at.elapsed() < TTL).map(|(_, waiting)| waiting)
    }
}
