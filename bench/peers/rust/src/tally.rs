//! What the handlers tell: when the first job was started, how many were, and when
//! each of the jobs whose latency is taken was.

use std::{
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

static FIRST: OnceLock<Instant> = OnceLock::new();
static COUNT: AtomicUsize = AtomicUsize::new(0);
static STARTED: Mutex<Vec<(usize, Instant)>> = Mutex::new(Vec::new());

/// A job that does nothing was started.
pub fn start() {
    FIRST.get_or_init(Instant::now);
    COUNT.fetch_add(1, Ordering::Relaxed);
}

/// When the first was.
pub fn first() -> Option<Instant> {
    FIRST.get().copied()
}

/// How many were.
pub fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// That job was started.
pub fn stamp(index: usize) {
    let now = Instant::now();
    STARTED.lock().unwrap_or_else(PoisonError::into_inner).push((index, now));
}

/// Every job that was started, and when.
pub fn stamps() -> Vec<(usize, Instant)> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
