use atelier_builder::generation::{ServerReport, Spend};
use atelier_providers::llm::{CircuitState, Effort};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::schema::{ToSchema, sets};

/// A model of a model server.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderView {
    /// The server.
    #[schema(example = "claude")]
    provider: String,
    /// The model.
    model: String,
    /// The generations that it writes. Their servers are asked in the order of the list.
    #[schema(value_type = sets::GenerationMode)]
    mode: &'static str,
    /// Whether requests are made to it.
    #[schema(value_type = sets::CircuitState)]
    circuit: &'static str,
    /// When a trial request is allowed, if the circuit is open.
    open_until: Option<DateTime<Utc>>,
    /// Most tokens of a conversation; null if it is not set.
    context_tokens: Option<u64>,
    /// Most requests in a minute; null is unlimited.
    requests_per_minute: Option<u32>,
    /// Most tokens in a minute; null is unlimited.
    tokens_per_minute: Option<u32>,
    /// The requests of the last 24 hours to this model.
    last_day: SpendView,
}

/// Requests to a model in sums.
#[derive(Serialize, ToSchema)]
pub(crate) struct SpendView {
    /// Requests.
    requests: i64,
    /// Tokens read.
    input_tokens: i64,
    /// Tokens written.
    output_tokens: i64,
    /// What they cost, in millionths of the currency of the prices.
    cost_micros: i64,
}

impl From<ServerReport> for ProviderView {
    fn from(report: ServerReport) -> Self {
        let ServerReport { status, spend } = report;
        let open_until = match status.circuit {
            CircuitState::Open { until } => Some(until),
            CircuitState::Closed | CircuitState::HalfOpen => None,
        };
        Self {
            provider: status.provider,
            model: status.model,
            mode: match status.effort {
                Effort::Quick => "quick",
                Effort::Advanced => "advanced",
            },
            circuit: status.circuit.as_str(),
            open_until,
            context_tokens: status.context_tokens,
            requests_per_minute: status.requests_per_minute,
            tokens_per_minute: status.tokens_per_minute,
            last_day: spend.into(),
        }
    }
}

impl From<Spend> for SpendView {
    fn from(spend: Spend) -> Self {
        let Spend { requests, input_tokens, output_tokens, cost_micros, .. } = spend;
        Self { requests, input_tokens, output_tokens, cost_micros }
    }
}
