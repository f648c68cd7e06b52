//! How long nodes may wait.

use std::time::Duration;

use atelier_entities::Timestamp;
use chrono::TimeDelta;

use super::call::NodeFailure;

/// The longest wait, in seconds: 30 days, as long as a run may take with its waits.
pub(super) const MAX_WAIT_SECONDS: u64 = 30 * 24 * 60 * 60;

/// The moment that is so many seconds later.
///
/// # Errors
/// If the wait is longer than [`MAX_WAIT_SECONDS`].
pub(super) fn later(now: Timestamp, seconds: u64, pointer: &str) -> Result<Timestamp, NodeFailure> {
    if seconds > MAX_WAIT_SECONDS {
        return Err(NodeFailure::at(pointer, format!("must be at most {MAX_WAIT_SECONDS} (30 days)")));
    }
    Ok(now + Duration::from_secs(seconds))
}

/// Checks that a moment is not too far away.
///
/// # Errors
/// If it lies more than [`MAX_WAIT_SECONDS`] after now.
pub(super) fn check(now: Timestamp, due: Timestamp, pointer: &str) -> Result<(), NodeFailure> {
    let max = TimeDelta::try_seconds(MAX_WAIT_SECONDS.cast_signed()).unwrap_or(TimeDelta::MAX);
    if due - now > max {
        return Err(NodeFailure::at(pointer, "lies more than 30 days ahead"));
    }
    Ok(())
}
