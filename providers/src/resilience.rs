//! A circuit breaker: after some failures in a row, requests are rejected for a while; then
//! one trial request decides whether the provider is back.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

/// A clock; a fixed one in tests.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(Utc::now)
}

/// When a breaker opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open the breaker.
    pub failures: u32,
    /// How long it stays open.
    pub open_for: TimeDelta,
    /// How long a trial may take before another one is allowed: as long as a request may.
    pub trial_for: TimeDelta,
}

impl BreakerPolicy {
    /// A trial may take as long as the breaker stays open.
    #[must_use]
    pub const fn new(failures: u32, open_for: TimeDelta) -> Self {
        Self { failures, open_for, trial_for: open_for }
    }

    /// With another time for a trial.
    #[must_use]
    pub const fn with_trial_for(self, trial_for: TimeDelta) -> Self {
        Self { trial_for, ..self }
    }
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self::new(3, TimeDelta::seconds(30))
    }
}

/// The state of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Requests pass.
    Closed {
        /// Failures in a row so far.
        failures: u32,
    },
    /// Requests are rejected.
    Open {
        /// When a trial is allowed.
        until: DateTime<Utc>,
    },
    /// One trial is under way.
    HalfOpen {
        /// When it was allowed.
        since: DateTime<Utc>,
    },
}

/// The state machine. It has no clock and no lock.
#[derive(Debug, Clone)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: BreakerState,
}

impl Default for BreakerState {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// A closed breaker.
    pub fn new(policy: BreakerPolicy) -> Self {
        Self::resume(policy, BreakerState::default())
    }

    /// A breaker in this state.
    pub fn resume(policy: BreakerPolicy, state: BreakerState) -> Self {
        Self { policy, state }
    }

    /// The current state.
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Whether a request may be made now. The first allowed request after the breaker was
    /// open is the trial.
    pub fn allow(&mut self, now: DateTime<Utc>) -> bool {
        let allowed = match self.state {
            BreakerState::Closed { .. } => return true,
            BreakerState::Open { until } => now >= until,
            BreakerState::HalfOpen { since } => now >= since + self.policy.trial_for,
        };
        if allowed {
            self.state = BreakerState::HalfOpen { since: now };
        }
        allowed
    }

    /// Records a success: the breaker closes.
    pub fn on_success(&mut self) {
        self.state = BreakerState::Closed { failures: 0 };
    }

    /// Records a failure.
    pub fn on_failure(&mut self, now: DateTime<Utc>) {
        self.state = match self.state {
            BreakerState::Closed { failures } if failures + 1 < self.policy.failures => {
                BreakerState::Closed { failures: failures + 1 }
            }
            BreakerState::Open { until } => BreakerState::Open { until },
            _ => BreakerState::Open { until: now + self.policy.open_for },
        };
    }

    /// Opens the breaker until `until`, as the provider asked. A longer rest stands.
    pub fn open_until(&mut self, until: DateTime<Utc>) {
        let until = match self.state {
            BreakerState::Open { until: before } => before.max(until),
            BreakerState::Closed { .. } | BreakerState::HalfOpen { .. } => until,
        };
        self.state = BreakerState::Open { until };
    }

    /// The request that was allowed at `asked` ended without showing whether the provider
    /// works. If it was the trial, another one is allowed at once.
    pub fn on_abandoned(&mut self, asked: DateTime<Utc>) {
        if let BreakerState::HalfOpen { since } = self.state
            && since.timestamp_micros() == asked.timestamp_micros()
        {
            self.state = BreakerState::Open { until: since };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Step {
        Fails(i64),
        Succeeds,
        OpensUntil(i64),
        Abandons(i64),
        Asks(i64, bool),
    }
    use Step::{Abandons, Asks, Fails, OpensUntil, Succeeds};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("in range")
    }

    #[test]
    fn goes_through_its_states() {
        let table: [(&str, &[Step]); 13] = [
            ("stays closed below the threshold", &[Fails(0), Fails(1), Asks(2, true), Asks(2, true)]),
            ("opens at the threshold", &[Fails(0), Fails(1), Fails(2), Asks(3, false)]),
            (
                "a success resets the count",
                &[Fails(0), Fails(1), Succeeds, Fails(2), Fails(3), Asks(4, true)],
            ),
            ("stays open for its time", &[Fails(0), Fails(0), Fails(0), Asks(9, false), Asks(10, true)]),
            ("allows one trial", &[Fails(0), Fails(0), Fails(0), Asks(10, true), Asks(11, false)]),
            (
                "a good trial closes it",
                &[Fails(0), Fails(0), Fails(0), Asks(10, true), Succeeds, Asks(10, true)],
            ),
            (
                "a bad trial opens it again",
                &[Fails(0), Fails(0), Fails(0), Asks(10, true), Fails(11), Asks(20, false), Asks(21, true)],
            ),
            (
                "an unfinished trial is replaced by another after its lease",
                &[Fails(0), Fails(0), Fails(0), Asks(10, true), Asks(29, false), Asks(30, true)],
            ),
            (
                "an abandoned trial is replaced at once",
                &[
                    Fails(0),
                    Fails(0),
                    Fails(0),
                    Asks(10, true),
                    Abandons(10),
                    Asks(10, true),
                    Asks(10, false),
                ],
            ),
            (
                "an abandoned request ends no other trial",
                &[Fails(0), Fails(0), Fails(0), Asks(10, true), Abandons(9), Asks(11, false)],
            ),
            ("an abandoned request counts as nothing", &[Fails(0), Fails(0), Abandons(0), Asks(1, true)]),
            (
                "a longer rest replaces a shorter one and is not replaced by it",
                &[OpensUntil(20), OpensUntil(60), OpensUntil(30), Asks(59, false), Asks(60, true)],
            ),
            (
                "stays open as asked, despite late failures",
                &[OpensUntil(60), Fails(1), Asks(59, false), Asks(60, true)],
            ),
        ];
        check(&table);
    }

    fn check(table: &[(&str, &[Step])]) {
        for (name, steps) in table {
            let policy = BreakerPolicy::new(3, TimeDelta::seconds(10)).with_trial_for(TimeDelta::seconds(20));
            let mut breaker = Breaker::new(policy);
            for (index, step) in steps.iter().enumerate() {
                match *step {
                    Fails(second) => breaker.on_failure(at(second)),
                    Succeeds => breaker.on_success(),
                    OpensUntil(second) => breaker.open_until(at(second)),
                    Abandons(second) => breaker.on_abandoned(at(second)),
                    Asks(second, expected) => {
                        assert_eq!(breaker.allow(at(second)), expected, "{name}: {index}")
                    }
                }
            }
        }
    }
}
