//! How long outages last.

use std::time::Duration;

/// How long Redis is down.
pub(super) const AWAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(4));

/// How long connections stall or writes fail.
pub(super) const STALL: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(8));
