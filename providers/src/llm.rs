//! Language models that write applications: the trait, its requests, completions and
//! errors.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

mod allowance;
pub mod claude;
mod draft;
mod exchange;
pub mod failover;
pub mod fake;
mod faults;
mod frames;
pub mod gemini;
mod hints;
mod native;
pub mod openai;
#[cfg(any(test, feature = "testing"))]
pub mod scripted;
pub mod server;
mod status;
mod timers;

pub use allowance::{Allowance, Remaining};
pub use status::{Attempt, CircuitState, ServerStatus};

/// Receives the chunks of a completion while it is written. Called in order, from the task
/// that generates; it must not block.
pub type StreamSink<'a> = &'a (dyn Fn(StreamEvent) + Send + Sync);

/// A language model that completes a conversation with the files of an application.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// Name of the provider, such as `openai` or `scaffold`.
    fn provider(&self) -> &str;

    /// Name of the model for requests of this effort.
    fn model(&self, effort: Effort) -> &str;

    /// The greatest number of tokens that a conversation and its completion may have, if it is
    /// known.
    fn context_tokens(&self) -> Option<u64> {
        None
    }

    /// The context of the model with the smallest one, if that is known. What fits there can be
    /// continued by every model.
    fn smallest_context_tokens(&self) -> Option<u64> {
        self.context_tokens()
    }

    /// Whether it answers any conversation, and not only requests for a whole application.
    fn can_plan(&self) -> bool {
        true
    }

    /// The model servers behind this model, for operators. None for a model without a server.
    async fn list_servers(&self) -> Vec<ServerStatus> {
        Vec::new()
    }

    /// Completes `request` and sends each chunk to `sink` as it arrives. The chunks are the
    /// text of the completion, where a [`StreamEvent::Restarted`] takes back the end of it. The
    /// returned [`Completion`] is authoritative. A model of one server never retries by itself.
    async fn generate(
        &self,
        request: &GenerationRequest,
        sink: StreamSink<'_>,
    ) -> Result<Completion, LlmError>;
}

/// How much a generation may cost. It selects the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effort {
    /// The small and fast model.
    Quick,
    /// The large model.
    Advanced,
}

/// The kind of application to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AppKind {
    /// For a desktop browser.
    WebApp,
    /// For small screens.
    MobileApp,
    /// A server without pages.
    Api,
    /// One page that presents a product or an event.
    LandingPage,
}

impl AppKind {
    /// Every kind, in the order of the product's menus.
    pub const ALL: [Self; 4] = [Self::WebApp, Self::MobileApp, Self::Api, Self::LandingPage];

    /// The name in requests and in the database, such as `web_app`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebApp => "web_app",
            Self::MobileApp => "mobile_app",
            Self::Api => "api",
            Self::LandingPage => "landing_page",
        }
    }
}

/// One generation: the conversation for language models, and its parts for the scaffold.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationRequest {
    /// Title of the project.
    pub title: String,
    /// Kind of application.
    pub kind: AppKind,
    /// The person's description.
    pub description: String,
    /// Selects the model.
    pub effort: Effort,
    /// The whole conversation: system prompt, request and, for a repair, the faults.
    pub messages: Vec<Message>,
    /// Paths and contents of the files of the previous version.
    pub previous_files: Vec<(String, String)>,
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The author.
    pub role: Role,
    /// The text.
    pub content: String,
}

/// The author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The instructions of Atelier.
    System,
    /// The user, or Atelier on behalf of the user.
    User,
    /// The model.
    Assistant,
}

/// A finished completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The whole text.
    pub text: String,
    /// The provider, as [`ChatModel::provider`] names it.
    pub provider: String,
    /// The model, as the provider names it.
    pub model: String,
    /// The tokens used, if the provider reports them.
    pub usage: Option<Usage>,
    /// Whether the model stopped at its token limit, so that the text is incomplete.
    pub truncated: bool,
}

/// The tokens of a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub input_tokens: u64,
    /// Tokens written, thoughts included.
    pub output_tokens: u64,
    /// The part of the tokens read that the server had cached.
    pub cached_tokens: u64,
    /// The part of the tokens written that are thoughts.
    pub thought_tokens: u64,
}

/// An event while a model writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// The next chunk of the text.
    Delta {
        /// Never empty.
        text: String,
    },
    /// The server accepted the request.
    Accepted {
        /// Its id of the request.
        request_id: String,
    },
    /// What the server says is left of its limits.
    Allowed(Allowance),
    /// The tokens used so far, as the server counts them.
    Counted(Usage),
    /// A model goes on where another one failed, or where its own token limit was reached.
    Restarted {
        /// The provider that goes on.
        provider: String,
        /// The model that goes on.
        model: String,
        /// The text so far is shortened to this number of bytes.
        kept_bytes: usize,
    },
    /// A request to a provider has ended, well or not.
    AttemptEnded(Attempt),
}

/// Why there is no completion. Messages are safe to show to operators: they contain no key
/// and no part of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// The server or the network failed; the same request may succeed later.
    #[error("the model server failed: {message}")]
    Transient {
        /// What happened.
        message: String,
    },
    /// Too many requests or tokens a minute.
    #[error("the model server asks to slow down: {message}")]
    RateLimited {
        /// The server's message.
        message: String,
        /// How long the server asked to wait.
        after: Option<Duration>,
    },
    /// The account has no credit left, or its quota of a day is used.
    #[error("the account at the model server is exhausted: {message}")]
    Quota {
        /// The server's message.
        message: String,
        /// When the quota of the day begins anew, if it is one.
        until: Option<DateTime<Utc>>,
    },
    /// The key is missing, wrong or not allowed to use the model.
    #[error("the model server refused the key: {message}")]
    Auth {
        /// The server's message.
        message: String,
    },
    /// The server cannot process the request; retrying does not help.
    #[error("the model server refused the request: {message}")]
    BadRequest {
        /// The server's message.
        message: String,
    },
    /// The server's content filter rejected the request or the completion.
    #[error("the content filter stopped the answer: {message}")]
    ContentFilter {
        /// The server's message.
        message: String,
    },
    /// The conversation exceeds the context of the model.
    #[error("the conversation is too long for the model: {message}")]
    ContextTooLong {
        /// The server's message.
        message: String,
    },
    /// No chunk arrived in time, or the whole completion took too long.
    #[error("the model server took too long: {message}")]
    Timeout {
        /// The limit that was exceeded.
        message: String,
    },
    /// The model completed nothing that can be used: an empty text or only thoughts. The
    /// server works.
    #[error("the completion cannot be used: {message}")]
    Unusable {
        /// What is wrong with it.
        message: String,
    },
    /// The description names nothing that the provider can write. No other provider is asked:
    /// the description is at fault, not a server. The message is for the person and says what
    /// to write instead.
    #[error("{message}")]
    NotUnderstood {
        /// What to write instead, in the person's language.
        message: String,
    },
    /// The generation would exceed its limit of time, tokens or money.
    #[error("the generation has used its budget: {message}")]
    OverBudget {
        /// The limit.
        message: String,
    },
    /// No request was made: every provider rests, by its circuit or by its limits.
    #[error("no model server may be asked now: {provider} rests until {until}")]
    CircuitOpen {
        /// The provider that may be asked first.
        provider: String,
        /// When it may be asked.
        until: DateTime<Utc>,
    },
}

impl LlmError {
    /// Whether the same request to the same provider may succeed later without intervention.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Transient { .. }
                | Self::RateLimited { .. }
                | Self::Timeout { .. }
                | Self::Unusable { .. }
                | Self::CircuitOpen { .. }
        )
    }

    /// Whether another provider may succeed.
    pub fn is_provider_fault(&self) -> bool {
        self.is_retryable() || matches!(self, Self::Quota { .. } | Self::Auth { .. })
    }

    /// The class of the error, as the accounts name it.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Transient { .. } => "transient",
            Self::RateLimited { .. } => "rate_limited",
            Self::Quota { .. } => "quota",
            Self::Auth { .. } => "auth",
            Self::BadRequest { .. } => "bad_request",
            Self::ContentFilter { .. } => "content_filter",
            Self::ContextTooLong { .. } => "context_too_long",
            Self::Timeout { .. } => "timeout",
            Self::Unusable { .. } => "unusable",
            Self::NotUnderstood { .. } => "not_understood",
            Self::OverBudget { .. } => "over_budget",
            Self::CircuitOpen { .. } => "circuit_open",
        }
    }

    /// How long the server asked to wait before the next request.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { after, .. } => *after,
            _ => None,
        }
    }
}
