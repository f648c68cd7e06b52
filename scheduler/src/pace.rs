//! The wait between two ticks of a duty: pure functions over values.

use std::time::Duration;

/// The longest wait after failures: short, so that duties resume soon after the database
/// is back.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// The wait after the first failure of a duty with a shorter interval.
const MIN_WAIT_AFTER_FAILURE: Duration = Duration::from_millis(500);

/// The wait for a dependency that may be back at any moment.
const SOON: Duration = Duration::from_millis(250);

/// When the next tick is due after a successful one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More work is due: no wait.
    AtOnce,
    /// A dependency was unavailable and may be back at any moment.
    Soon,
    /// After the interval of the duty.
    InTurn,
}

/// What to log after a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The first failure in a row.
    Fails,
    /// The first success after a failure.
    Recovered,
    /// No change.
    Nothing,
}

/// Counts the failures in a row of a duty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    every: Duration,
    failures: u32,
}

impl Pace {
    /// The pace of a duty with this interval.
    pub(crate) const fn new(every: Duration) -> Self {
        Self { every, failures: 0 }
    }

    /// The wait after a successful tick.
    pub(crate) fn after_success(&mut self, next: Next) -> (Duration, Notice) {
        let notice = if self.failures > 0 { Notice::Recovered } else { Notice::Nothing };
        self.failures = 0;
        let wait = match next {
            Next::AtOnce => Duration::ZERO,
            Next::Soon => SOON.min(self.every),
            Next::InTurn => self.every,
        };
        (wait, notice)
    }

    /// The wait after a failed tick. It doubles with each failure in a row.
    pub(crate) fn after_failure(&mut self) -> (Duration, Notice) {
        let notice = if self.failures == 0 { Notice::Fails } else { Notice::Nothing };
        let base = self.every.max(MIN_WAIT_AFTER_FAILURE);
        let wait = base.saturating_mul(2_u32.saturating_pow(self.failures)).min(MAX_WAIT.max(self.every));
        self.failures = self.failures.saturating_add(1);
        (wait, notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn waits_longer_with_each_failure_and_logs_the_first() {
        let mut pace = Pace::new(secs(1));

        let ticks: Vec<_> = (0..7).map(|_| pace.after_failure()).collect();

        let waits: Vec<u64> = ticks.iter().map(|(wait, _)| wait.as_secs()).collect();
        assert_eq!(waits, [1, 2, 2, 2, 2, 2, 2]);
        let logged = ticks.iter().filter(|(_, notice)| *notice == Notice::Fails).count();
        assert_eq!((logged, ticks[0].1), (1, Notice::Fails));
    }

    #[test]
    fn recovers_to_its_own_interval() {
        let mut pace = Pace::new(secs(2));
        pace.after_failure();

        assert_eq!(pace.after_success(Next::InTurn), (secs(2), Notice::Recovered));
        assert_eq!(pace.after_success(Next::InTurn), (secs(2), Notice::Nothing));
        assert_eq!(pace.after_success(Next::Soon), (SOON, Notice::Nothing));
        assert_eq!(pace.after_success(Next::AtOnce), (Duration::ZERO, Notice::Nothing));
    }

    #[test]
    fn bounds_its_waits() {
        let mut fast = Pace::new(Duration::from_millis(1));
        assert_eq!(fast.after_failure().0, MIN_WAIT_AFTER_FAILURE);
        assert_eq!(fast.after_success(Next::Soon).0, Duration::from_millis(1));
        let mut slow = Pace::new(secs(300));
        slow.after_failure();
        assert_eq!(slow.after_failure().0, secs(300));
    }
}
