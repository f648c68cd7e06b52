//! How long the next attempt waits, by the failures before it.

use std::time::Duration;

use atelier_entities::Timestamp;

/// How fast delays grow and failures are forgotten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Failures without a delay.
    free: i32,
    /// The longest delay.
    longest: Duration,
    /// How long it takes until one failure is forgotten.
    forgets: Duration,
}

/// Short at its longest, since somebody else could keep a person out by it.
pub(super) const ACCOUNT: Rule =
    Rule { free: 5, longest: Duration::from_secs(60), forgets: Duration::from_secs(5 * 60) };
pub(super) const NETWORK: Rule =
    Rule { free: 20, longest: Duration::from_secs(15 * 60), forgets: Duration::from_secs(5 * 60) };

impl Rule {
    /// How long the next attempt waits after so many failures: nothing at first, then
    /// twice as long each time.
    pub(super) fn delay(self, failures: i32) -> Duration {
        let beyond = failures - self.free;
        if beyond <= 0 {
            return Duration::ZERO;
        }
        // Twenty doublings are longer than the longest delay.
        let doublings = (beyond - 1).clamp(0, 20);
        Duration::from_secs(1 << doublings).min(self.longest)
    }

    /// Failures beyond which the delay grows no longer, and which are not counted: else
    /// it would take as long to forget them as they came.
    fn most(self) -> i32 {
        let grows = |failures: &i32| self.delay(*failures) < self.longest;
        (self.free..).take_while(grows).count().try_into().map_or(i32::MAX, |more: i32| self.free + more)
    }
}

/// Failures, and up to when forgetting is reckoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) failures: i32,
    pub(super) since: Timestamp,
}

impl Count {
    /// What is left of it now.
    pub(super) fn at(self, rule: Rule, now: Timestamp) -> Self {
        let passed = (now - self.since).to_std().unwrap_or_default();
        let forgotten = passed.as_secs() / rule.forgets.as_secs();
        let failures = self.failures.min(rule.most());
        match i32::try_from(forgotten) {
            Ok(forgotten) if forgotten < failures => Self {
                failures: failures - forgotten,
                // What passed of the next step is not lost.
                since: self.since + rule.forgets * forgotten.unsigned_abs(),
            },
            _ => Self { failures: 0, since: now },
        }
    }

    /// The same with one more.
    pub(super) fn and_one(self, rule: Rule) -> Self {
        Self { failures: self.failures.saturating_add(1).min(rule.most()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_timestamp(secs, 0).expect("a valid time")
    }

    #[test]
    fn each_failure_beyond_the_free_ones_doubles_the_wait() {
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
        assert_eq!((ACCOUNT.most(), NETWORK.most()), (12, 31));
    }

    #[test]
    fn one_failure_is_forgotten_every_five_minutes_and_none_beyond_the_longest_wait_is_counted() {
        for (rule, failures, passed, left, since) in [
            (NETWORK, 20, 0, 20, 0),
            (NETWORK, 20, 299, 20, 0),
            (NETWORK, 20, 300, 19, 300),
            // What passed of the next step is kept for the next look.
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
        assert_eq!(full.and_one(NETWORK), full);
    }

    #[test]
    fn who_fails_every_now_and_then_waits_never_and_who_guesses_waits_ever_longer() {
        let failing_every = |secs: i64| {
            let mut count = Count { failures: 0, since: at(0) };
            for turn in 0..1_000 {
                count = count.at(NETWORK, at(turn * secs)).and_one(NETWORK);
            }
            NETWORK.delay(count.failures).as_secs()
        };

        assert_eq!((failing_every(301), failing_every(60)), (0, 900));
    }
}
