//! Named circuit breakers, which the processes of an installation can share: one process
//! that finds a provider down opens the circuit for all.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    metrics,
    resilience::{Breaker, BreakerPolicy, BreakerState},
};

pub mod redis;

/// Longest wait for the end of another trial before asking again.
const MAX_TRIAL_WAIT: TimeDelta = TimeDelta::seconds(15);

/// A circuit breaker for each name.
#[async_trait]
pub trait Circuits: Send + Sync {
    /// Whether a request to `name` may be made now. After the circuit was open, one caller
    /// is granted the trial. Never fails: if the shared state is unavailable, the state of
    /// this process is used.
    async fn ask(&self, name: &str, now: DateTime<Utc>) -> Permit;

    /// Reports how a request to `name` ended.
    async fn report(&self, name: &str, report: Report, now: DateTime<Utc>);

    /// The state of a circuit, for operators.
    async fn get_state(&self, name: &str, now: DateTime<Utc>) -> BreakerState;
}

/// Whether a request may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// Make the request, and report how it ended.
    Granted,
    /// Do not make the request.
    Refused {
        /// When to ask again.
        until: DateTime<Utc>,
    },
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// The provider succeeded.
    Succeeded,
    /// The provider failed.
    Failed,
    /// The provider asked to retry later.
    RetryAfter {
        /// The time that it gave.
        until: DateTime<Utc>,
    },
    /// The request was cancelled, or ended for a reason that says nothing about the provider.
    Abandoned {
        /// When it was asked for.
        asked: DateTime<Utc>,
    },
}

/// An input of a breaker.
#[derive(Debug, Clone, Copy)]
enum Event {
    Asked,
    Reported(Report),
}

/// The next state of a breaker, and the permit.
fn step(
    policy: BreakerPolicy,
    state: BreakerState,
    event: Event,
    now: DateTime<Utc>,
) -> (BreakerState, Permit) {
    let mut breaker = Breaker::resume(policy, state);
    let mut granted = true;
    match event {
        Event::Asked => granted = breaker.allow(now),
        Event::Reported(Report::Succeeded) => breaker.on_success(),
        Event::Reported(Report::Failed) => breaker.on_failure(now),
        Event::Reported(Report::RetryAfter { until }) => breaker.open_until(until),
        Event::Reported(Report::Abandoned { asked }) => breaker.on_abandoned(asked),
    }
    let permit = match breaker.state() {
        BreakerState::Open { until } if !granted => Permit::Refused { until },
        BreakerState::HalfOpen { since } if !granted => {
            Permit::Refused { until: (since + policy.trial_for).min(now + MAX_TRIAL_WAIT) }
        }
        _ => Permit::Granted,
    };
    (breaker.state(), permit)
}

/// Logs and counts a change of state.
fn record_change(name: &str, before: BreakerState, after: BreakerState) {
    match (before, after) {
        (BreakerState::Open { .. }, BreakerState::Open { .. }) => {}
        (_, BreakerState::Open { until }) => {
            metrics::circuit_opened(name);
            tracing::warn!(circuit = name, %until, "circuit opened: requests are rejected");
        }
        (BreakerState::Open { .. }, BreakerState::HalfOpen { .. }) => {
            tracing::info!(circuit = name, "circuit half-open: a trial request is made");
        }
        (BreakerState::Open { .. } | BreakerState::HalfOpen { .. }, BreakerState::Closed { .. }) => {
            tracing::info!(circuit = name, "circuit closed: requests pass again");
        }
        _ => {}
    }
}

/// Circuit breakers of this process only.
#[derive(Debug)]
pub struct LocalCircuits {
    policy: BreakerPolicy,
    states: Mutex<HashMap<String, BreakerState>>,
}

impl LocalCircuits {
    /// Closed circuit breakers.
    pub fn new(policy: BreakerPolicy) -> Self {
        Self { policy, states: Mutex::default() }
    }

    fn apply(&self, name: &str, event: Event, now: DateTime<Utc>) -> Permit {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let before = states.get(name).copied().unwrap_or_default();
        let (after, permit) = step(self.policy, before, event, now);
        states.insert(name.to_owned(), after);
        record_change(name, before, after);
        metrics::observe_circuit(name, after);
        permit
    }

    /// Takes over the shared state.
    fn learn(&self, name: &str, state: BreakerState) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.insert(name.to_owned(), state);
        metrics::observe_circuit(name, state);
    }
}

#[async_trait]
impl Circuits for LocalCircuits {
    async fn ask(&self, name: &str, now: DateTime<Utc>) -> Permit {
        self.apply(name, Event::Asked, now)
    }

    async fn report(&self, name: &str, report: Report, now: DateTime<Utc>) {
        self.apply(name, Event::Reported(report), now);
    }

    async fn get_state(&self, name: &str, _now: DateTime<Utc>) -> BreakerState {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.get(name).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: BreakerPolicy = BreakerPolicy::new(2, TimeDelta::seconds(60));

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("in range")
    }

    #[tokio::test]
    async fn each_name_has_a_circuit_of_its_own() {
        let circuits = LocalCircuits::new(POLICY);
        for second in 0..2 {
            circuits.report("one", Report::Failed, at(second)).await;
        }

        assert_eq!(circuits.ask("one", at(2)).await, Permit::Refused { until: at(61) });
        assert_eq!(circuits.ask("two", at(2)).await, Permit::Granted);
    }

    #[tokio::test]
    async fn one_caller_is_granted_the_trial_and_the_others_ask_again_soon() {
        let circuits = LocalCircuits::new(POLICY);
        circuits.report("one", Report::RetryAfter { until: at(10) }, at(0)).await;

        assert_eq!(circuits.ask("one", at(9)).await, Permit::Refused { until: at(10) });
        assert_eq!(circuits.ask("one", at(10)).await, Permit::Granted);
        assert_eq!(circuits.ask("one", at(11)).await, Permit::Refused { until: at(26) });
        assert_eq!(circuits.ask("one", at(69)).await, Permit::Refused { until: at(70) });
        circuits.report("one", Report::Succeeded, at(69)).await;
        assert_eq!(circuits.ask("one", at(69)).await, Permit::Granted);
    }
}
