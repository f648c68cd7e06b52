//! The delay of the next attempt by the number of failures.

use std::time::Duration;

use atelier_entities::Timestamp;

/// How fast delays grow and failures are forgotten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Number of failures without a delay.
    free: i32,
    /// The longest delay.
    longest: Duration,
    /// Time after which one failure is forgotten.
    forgets: Duration,
}

/// The maximum delay is short, since an attacker could use it to lock a person out.
pub(super) const ACCOUNT: Rule =
    Rule { free: 5, longest: Duration::from_secs(60), forgets: Duration::from_secs(5 * 60) };
pub(super) const NETWORK: Rule =
    Rule { free: 20, longest: Duration::from_secs(15 * 60), forgets: Duration::from_secs(5 * 60) };

impl Rule {
    /// The delay after this number of failures: none at first, then doubled each time.
    pub(super) fn delay(self, failures: i32) -> Duration {
        let beyond = failures - self.free;
        if beyond <= 0 {
            return Duration::ZERO;
        }
        // Twenty doublings exceed the maximum delay.
        let doublings = (beyond - 1).clamp(0, 20);
        Duration::from_secs(1 << doublings).min(self.longest)
    }

    /// The number of failures at which the delay stops growing. Further ones are not
    /// counted: else they would take as long to forget as they took.
    fn max_counted(self) -> i32 {
        let grows = |failures: &i32| self.delay(*failures) < self.longest;
        (self.free..).take_while(grows).count().try_into().map_or(i32::MAX, |more: i32| self.free + more)
    }
}

/// Failures, and the time up to which forgotten ones were subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) failures: i32,
    pub(super) since: Timestamp,
}

impl Count {
    /// The count at this time.
    pub(super) fn at(self, rule: Rule, now: Timestamp) -> Self {
        let passed = (now - self.since).to_std().unwrap_or_default();
        let forgotten = passed.as_secs() / rule.forgets.as_secs();
        let failures = self.failures.min(rule.max_counted());
        match i32::try_from(forgotten) {
            Ok(forgotten) if forgotten < failures => Self {
                failures: failures - forgotten,
                // The remainder of the interval is kept.
                since: self.since + rule.forgets * forgotten.unsigned_abs(),
            },
            _ => Self { failures: 0, since: now },
        }
    }

    /// The count with one more failure.
    pub(super) fn plus_one(self, rule: Rule) -> Self {
        Self { failures: self.failures.saturating_add(1).min(rule.max_counted()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_timestamp(secs, 0).expect("a valid time")
    }

    #[test]
    fn each_failure_after_the_free_ones_doubles_the_delay() {
        for (rule, failures, secs) in [
            (ACCOUNT, 0, 0),
            (ACCOUNT, 5, 0),
            (ACCOUNT, 6, 1),
            (ACCOUNT, 7, 2),
            (ACCOUNT, 11, 32),
            (ACCOUNT, 12, 60),
            (ACCOUNT, i32::MAX, 60),
            (NETWORK, 20, 0),
            (NETWORK, 21, 1),
            (NETWORK, 30, 512),
            (NETWORK, 31, 900),
        ] {
            assert_eq!(rule.delay(failures).as_secs(), secs, "{rule:?} {failures}");
        }
        assert_eq!((ACCOUNT.max_counted(), NETWORK.max_counted()), (12, 31));
    }

    #[test]
    fn a_failure_is_forgotten_every_five_minutes_and_failures_at_the_maximum_delay_are_not_counted() {
        for (rule, failures, passed, left, since) in [
            (NETWORK, 20, 0, 20, 0),
            (NETWORK, 20, 299, 20, 0),
            (NETWORK, 20, 300, 19, 300),
            // The remainder of the interval is kept for the next time.
            (NETWORK, 20, 899, 18, 600),
            (NETWORK, 2, 599, 1, 300),
            (NETWORK, 2, 600, 0, 600),
            (NETWORK, 2, 1_000_000, 0, 1_000_000),
            (NETWORK, 0, 17, 0, 17),
            (ACCOUNT, 900, 0, 12, 0),
            (ACCOUNT, 900, 300, 11, 300),
            // Another process's clock is ahead.
            (ACCOUNT, 3, -5, 3, 0),
        ] {
            let count = Count { failures, since: at(0) };
            let expected = Count { failures: left, since: at(since) };
            assert_eq!(count.at(rule, at(passed)), expected, "{failures} after {passed} s");
        }
        let full = Count { failures: 31, since: at(0) };
        assert_eq!(full.plus_one(NETWORK), full);
    }

    #[test]
    fn occasional_failures_cause_no_delay_and_guessing_causes_growing_delays() {
        let failing_every = |secs: i64| {
            let mut count = Count { failures: 0, since: at(0) };
            for turn in 0..1_000 {
                count = count.at(NETWORK, at(turn * secs)).plus_one(NETWORK);
            }
            NETWORK.delay(count.failures).as_secs()
        };

        assert_eq!((failing_every(301), failing_every(60)), (0, 900));
    }
}
