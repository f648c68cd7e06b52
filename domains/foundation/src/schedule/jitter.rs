use atelier_entities::Timestamp;
use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Firing;

impl Firing {
    /// When a schedule fires for this time of it, with its jitter of at most `jitter_secs`.
    #[must_use]
    pub fn with_jitter(&self, schedule: Uuid, jitter_secs: u32) -> Timestamp {
        self.at + jitter(schedule, self.at, jitter_secs)
    }
}

/// How long after one of its times a schedule fires: at most `most_secs`, to the millisecond, spread over
/// schedules and times. It is always the same for the same schedule and time, so that it survives a restart
/// and a preview can show it.
pub(super) fn jitter(schedule: Uuid, at: Timestamp, most_secs: u32) -> TimeDelta {
    let mut hash = Sha256::new();
    hash.update(schedule.as_bytes());
    hash.update(at.timestamp().to_be_bytes());
    let number = hash.finalize().iter().take(8).fold(0, |number: u64, byte| (number << 8) | u64::from(*byte));
    let millis = number % (u64::from(most_secs) * 1_000 + 1);
    TimeDelta::milliseconds(i64::try_from(millis).unwrap_or_default())
}
