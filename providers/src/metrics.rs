//! The names of the metrics of this crate. `docs/operations.md` lists them.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};

use crate::resilience::BreakerState;

/// Name, type, labels and meaning of a metric.
pub type Described = (&'static str, &'static str, &'static str, &'static str);

/// Time until which the circuit of a provider is open.
pub const CIRCUIT_OPEN_UNTIL: &str = "atelier_circuit_open_until_seconds";
/// The state of the circuit of a provider.
pub const CIRCUIT_STATE: &str = "atelier_circuit_state";
/// Circuits that this process opened.
pub const CIRCUIT_OPENED: &str = "atelier_circuit_opened_total";
/// Requests that an open circuit rejected.
pub const CIRCUIT_HELD_BACK: &str = "atelier_circuit_held_back_total";

/// Every metric of this crate, for documents and exporters.
pub const ALL: &[Described] = &[
    (
        CIRCUIT_OPEN_UNTIL,
        "gauge",
        "provider",
        "Unix time until which the circuit of a model server, or of a sign-in provider such as sign_in:google, is open, as this process saw it last; 0 where it is not",
    ),
    (
        CIRCUIT_STATE,
        "gauge",
        "provider",
        "The circuit of each model of a model server, such as claude/claude-haiku-4-5, of a whole model server, or of a sign-in provider, as this process saw it last: 0 closed, 1 half open, 2 open",
    ),
    (CIRCUIT_OPENED, "counter", "provider", "Circuits opened after failures"),
    (CIRCUIT_HELD_BACK, "counter", "provider", "Requests not made because the circuit was open"),
];

/// Registers the description of each metric.
pub fn describe() {
    for (name, kind, _, meaning) in ALL {
        match *kind {
            "histogram" => describe_histogram!(*name, *meaning),
            "gauge" => describe_gauge!(*name, *meaning),
            _ => describe_counter!(*name, *meaning),
        }
    }
}

pub(crate) fn observe_circuit(provider: &str, state: BreakerState) {
    let (until, number) = match state {
        BreakerState::Closed { .. } => (0.0, 0.0),
        BreakerState::HalfOpen { .. } => (0.0, 1.0),
        BreakerState::Open { until } => (until.timestamp() as f64, 2.0),
    };
    gauge!(CIRCUIT_OPEN_UNTIL, "provider" => provider.to_owned()).set(until);
    gauge!(CIRCUIT_STATE, "provider" => provider.to_owned()).set(number);
}

pub(crate) fn circuit_opened(provider: &str) {
    counter!(CIRCUIT_OPENED, "provider" => provider.to_owned()).increment(1);
}

pub(crate) fn circuit_held_back(provider: &str) {
    counter!(CIRCUIT_HELD_BACK, "provider" => provider.to_owned()).increment(1);
}
