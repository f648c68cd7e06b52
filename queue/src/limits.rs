//! Limits of a queue over all workers, changeable while it runs: jobs at once, jobs
//! of one owner at once, and starts in a period.

use std::time::Duration;

use atelier_entities::{Timestamp, queues};

/// Limits of a queue; everything left out is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLimits {
    /// Jobs that may run at once, over all workers.
    pub max_running: Option<u32>,
    /// Jobs of one owner that may run at once.
    pub max_running_per_owner: Option<u32>,
    /// Jobs that may start in each period.
    pub rate: Option<Rate>,
}

/// So many in each period. Starts are spread over the period but for a burst of at
/// most `count` after a rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Jobs.
    pub count: u32,
    /// In this time; at least a second.
    pub period: Duration,
}

impl QueueLimits {
    /// The limits that a queue's row sets.
    #[must_use]
    pub fn of(row: &queues::Model) -> Self {
        let positive = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
        let rate = positive(row.rate_limit).zip(positive(row.rate_period_secs));
        Self {
            max_running: positive(row.max_running),
            max_running_per_owner: positive(row.max_running_per_owner),
            rate: rate.map(|(count, secs)| Rate { count, period: Duration::from_secs(secs.max(1).into()) }),
        }
    }

    /// Whether there is no limit.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

impl Rate {
    /// Starts left now, from what was left at `since`: a token bucket.
    pub(crate) fn tokens(self, left: f64, since: Timestamp, now: Timestamp) -> f64 {
        let rested = (now - since).to_std().unwrap_or_default().as_secs_f64();
        let refilled = left + rested * f64::from(self.count) / self.period.as_secs_f64();
        refilled.clamp(0.0, f64::from(self.count))
    }

    /// When the next start is allowed, with so many left.
    pub(crate) fn next_start(self, tokens: f64, now: Timestamp) -> Timestamp {
        let missing = (1.0 - tokens).max(0.0);
        now + Duration::from_secs_f64(missing * self.period.as_secs_f64() / f64::from(self.count.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_A_MINUTE: Rate = Rate { count: 10, period: Duration::from_secs(60) };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_timestamp(secs, 0).expect("a valid time")
    }

    #[test]
    fn tokens_come_back_with_time_up_to_the_count() {
        assert_eq!(TEN_A_MINUTE.tokens(0.0, at(0), at(6)), 1.0);
        assert_eq!(TEN_A_MINUTE.tokens(4.0, at(0), at(30)), 9.0);
        assert_eq!(TEN_A_MINUTE.tokens(4.0, at(0), at(3_600)), 10.0);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        assert_eq!(TEN_A_MINUTE.tokens(2.0, at(100), at(50)), 2.0);
    }

    #[test]
    fn the_next_start_is_when_a_whole_token_is_there() {
        assert_eq!(TEN_A_MINUTE.next_start(0.0, at(0)), at(6));
        assert_eq!(TEN_A_MINUTE.next_start(0.5, at(0)), at(3));
        assert_eq!(TEN_A_MINUTE.next_start(3.0, at(0)), at(0));
    }
}
