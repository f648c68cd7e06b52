//! What is known of the ids that wait in a queue, so that not every push asks for it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What is known of the ids that wait in a queue.
#[derive(Debug, Default)]
pub(super) struct Line {
    heard: Mutex<Option<(Instant, usize)>>,
}

/// How long it is believed.
const BELIEVED: Duration = Duration::from_millis(100);

impl Line {
    pub(super) fn note(&self, waiting: usize) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), waiting));
    }

    pub(super) fn known(&self) -> Option<usize> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.filter(|(at, _)| at.elapsed() < BELIEVED).map(|(_, waiting)| waiting)
    }
}
