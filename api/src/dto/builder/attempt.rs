use atelier_entities::llm_attempts;
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::schema::{ToSchema, sets};

/// A request to a model server.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptAccountView {
    /// UUIDv7.
    id: Uuid,
    /// The server.
    #[schema(example = "openai")]
    provider: String,
    /// The model.
    model: String,
    /// How it ended.
    #[schema(value_type = sets::ModelRequestClass)]
    class: String,
    /// Tokens read, cached ones included.
    input_tokens: i64,
    /// Tokens written, thoughts included.
    output_tokens: i64,
    /// Tokens read from the server's cache.
    cached_tokens: i64,
    /// Tokens of thoughts.
    thought_tokens: i64,
    /// Whether the tokens are estimated from the length of the texts.
    is_estimated: bool,
    /// Whether the provider charges it.
    is_billable: bool,
    /// What it cost, in millionths of the currency of the prices.
    cost_micros: i64,
    /// Milliseconds until the first text; null if none came.
    first_content_ms: Option<i32>,
    /// Milliseconds until the end.
    total_ms: i32,
    /// When the account was written.
    created_at: DateTime<Utc>,
}

impl From<llm_attempts::Model> for AttemptAccountView {
    fn from(row: llm_attempts::Model) -> Self {
        Self {
            id: row.id.0,
            provider: row.provider,
            model: row.model,
            class: row.class,
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            cached_tokens: row.cached_tokens,
            thought_tokens: row.thought_tokens,
            is_estimated: row.is_estimated,
            is_billable: row.is_billable,
            cost_micros: row.cost_micros,
            first_content_ms: row.first_content_ms,
            total_ms: row.total_ms,
            created_at: row.created_at,
        }
    }
}
