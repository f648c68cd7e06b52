//! What is due after a time in which nothing fired.

use atelier_entities::Timestamp;
use chrono::TimeDelta;

use super::{
    spec::Spec,
    zone::{Firing, NoProgress},
};

/// Most times of a range that are counted.
const COUNTED: usize = 1_000;

/// How many of the times that have passed still fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// Times that are later than this do not fire.
    pub window: TimeDelta,
    /// At most this many fire, the newest.
    pub limit: usize,
}

/// Why times were missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedReason {
    /// They are older than the window.
    Window,
    /// There are more than the limit.
    Limit,
}

/// A range of times that do not fire any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The first of them.
    pub first: Timestamp,
    /// All are before this.
    pub before: Timestamp,
    /// How many; none if there are more than a thousand.
    pub count: Option<usize>,
    /// Why.
    pub reason: MissedReason,
}

/// What is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// What fires, the oldest first.
    pub firings: Vec<Firing>,
    /// What does not.
    pub missed: Vec<Missed>,
    /// The first time after now.
    pub next: Option<Firing>,
}

/// What is due of the times after `after`, up to now. The work does not grow with the time that has passed.
///
/// # Errors
/// As [`Spec::next`].
pub fn find_due(spec: &Spec, after: Timestamp, now: Timestamp, rule: CatchUp) -> Result<Due, NoProgress> {
    let opens = (now - rule.window).max(after);
    let firings = newest(spec, opens, now, rule.limit)?;
    let mut missed = Vec::new();
    let instant = TimeDelta::microseconds(1);
    let begun = firings.first().map_or(now + instant, |firing| firing.at);
    let parts = [(after, opens + instant, MissedReason::Window), (opens, begun, MissedReason::Limit)];
    for (from, before, reason) in parts {
        let found = spec.list(from, Some(before - instant), COUNTED + 1)?;
        if let Some(first) = found.first() {
            let count = (found.len() <= COUNTED).then_some(found.len());
            missed.push(Missed { first: first.at, before, count, reason });
        }
    }
    Ok(Due { firings, missed, next: spec.next(now)? })
}

/// The newest times after `after`, up to `until`. It looks at growing spans before `until`, so that it sees few
/// of a frequent schedule.
fn newest(spec: &Spec, after: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Firing>, NoProgress> {
    let mut span = TimeDelta::minutes(1);
    loop {
        let from = (until - span).max(after);
        let mut found = spec.list(from, Some(until), usize::MAX)?;
        if found.len() >= limit || from == after {
            let more = found.len().saturating_sub(limit);
            found.drain(..more);
            return Ok(found);
        }
        span = span * 2;
    }
}
