//! What operators and owners learn of model servers and of requests to them.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Effort, Usage};
use crate::resilience::BreakerState;

/// One request to a provider, for the accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The provider.
    pub provider: String,
    /// The model that was asked.
    pub model: String,
    /// `ok`, `truncated`, `cancelled`, or [`LlmError::class`](super::LlmError::class).
    pub class: &'static str,
    /// The tokens.
    pub usage: Usage,
    /// Whether the tokens are estimated from the length of the texts.
    pub is_estimated: bool,
    /// The price of the tokens, in millionths of the currency.
    pub cost_micros: u64,
    /// Time until the first chunk of the text.
    pub first_content: Option<Duration>,
    /// Time until the end.
    pub total: Duration,
    /// The provider's id of the request.
    pub request_id: Option<String>,
}

/// The state of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitState {
    /// Requests are made.
    Closed,
    /// Requests are rejected.
    Open {
        /// When a trial is allowed.
        until: DateTime<Utc>,
    },
    /// A trial is under way.
    HalfOpen,
}

impl CircuitState {
    /// `closed`, `open` or `half_open`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl From<BreakerState> for CircuitState {
    fn from(state: BreakerState) -> Self {
        match state {
            BreakerState::Closed { .. } => Self::Closed,
            BreakerState::Open { until } => Self::Open { until },
            BreakerState::HalfOpen { .. } => Self::HalfOpen,
        }
    }
}

/// A model of a server in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatus {
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The effort of the chain.
    pub effort: Effort,
    /// Its circuit, or that of its provider if that rests.
    pub circuit: CircuitState,
    /// Most tokens of a conversation.
    pub context_tokens: Option<u64>,
    /// Most requests in a minute.
    pub requests_per_minute: Option<u32>,
    /// Most tokens in a minute.
    pub tokens_per_minute: Option<u32>,
}
