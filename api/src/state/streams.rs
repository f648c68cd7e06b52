//! The event streams that are open in this process, counted by person.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use atelier_entities::UserId;
use metrics::gauge;

use crate::metrics::STREAMS;

/// Event streams that one person may have open at once.
pub(crate) const MAX_STREAMS_PER_USER: usize = 20;

/// The number of open streams of each person.
#[derive(Clone, Default)]
pub(crate) struct OpenStreams {
    counts: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// One open stream, counted until it is dropped.
pub(crate) struct OpenStream {
    streams: OpenStreams,
    user: UserId,
}

impl OpenStreams {
    /// Counts one more stream of this person; `None` where they have as many as they may.
    pub(crate) fn open(&self, user: UserId) -> Option<OpenStream> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(user).or_default();
        if *count >= MAX_STREAMS_PER_USER {
            return None;
        }
        *count += 1;
        gauge!(STREAMS).increment(1);
        Some(OpenStream { streams: self.clone(), user })
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        gauge!(STREAMS).decrement(1);
        let mut counts = self.streams.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_a_bounded_number_of_streams() {
        let streams = OpenStreams::default();
        let user = UserId::new();
        let mut open: Vec<_> = (0..MAX_STREAMS_PER_USER).map(|_| streams.open(user).expect("room")).collect();

        assert!(streams.open(user).is_none());
        assert!(streams.open(UserId::new()).is_some());
        open.pop();
        assert!(streams.open(user).is_some());
    }
}
