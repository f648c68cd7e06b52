//! Language models that write applications: the trait, what goes in, what
//! comes out and how it can fail.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

pub mod failover;
pub mod fake;
pub mod openai;

/// Takes the pieces of an answer while it is written. Called in order, from
/// the task that generates; it must not block.
pub type StreamSink<'a> = &'a (dyn Fn(StreamEvent) + Send + Sync);

/// A language model that answers a conversation with the files of an
/// application.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// Name of the provider, such as `openai` or `scaffold`.
    fn provider(&self) -> &str;

    /// Name of the model that answers requests of this effort.
    fn model(&self, effort: Effort) -> &str;

    /// Answers `request` and tells `sink` each piece as it comes. The pieces in
    /// order are the answer's text, unless a failover began anew; the returned
    /// [`Completion`] is what counts. Never retries by itself.
    async fn generate(
        &self,
        request: &GenerationRequest,
        sink: StreamSink<'_>,
    ) -> Result<Completion, LlmError>;
}

/// How much a generation may cost; chooses the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effort {
    /// The small and fast model.
    Quick,
    /// The large model.
    Advanced,
}

/// What kind of application is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AppKind {
    /// Runs in a desktop browser.
    WebApp,
    /// Made for the small screen.
    MobileApp,
    /// A server without pages.
    Api,
    /// One page that presents something.
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

/// One generation: the conversation for models that talk, and the bare facts
/// for those that do not.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationRequest {
    /// Title of the project.
    pub title: String,
    /// Kind of application.
    pub kind: AppKind,
    /// What the person asked for, in their words.
    pub description: String,
    /// Chooses the model.
    pub effort: Effort,
    /// The whole conversation: system prompt, request and, on a repair, the
    /// faults found.
    pub messages: Vec<Message>,
    /// Path and content of the files of the version that is being changed.
    pub previous_files: Vec<(String, String)>,
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who speaks in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Atelier's own instructions.
    System,
    /// The person, or Atelier on their behalf.
    User,
    /// The model.
    Assistant,
}

/// A finished answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The text, whole.
    pub text: String,
    /// The provider that it came from, as [`ChatModel::provider`] names it.
    pub provider: String,
    /// The model that wrote it, by the provider's own account.
    pub model: String,
    /// What it cost, where the provider says so.
    pub usage: Option<Usage>,
    /// The model stopped at its bound of tokens: the text has no end.
    pub truncated: bool,
}

/// Tokens that an answer took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// What a model tells while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// The next piece of the text.
    Delta {
        /// Never empty.
        text: String,
    },
}

/// Why no answer came. Messages are safe to show to operators: they carry no
/// key and no part of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// The server or the way to it failed; the same request may succeed later.
    #[error("the model server failed: {message}")]
    Transient {
        /// What happened.
        message: String,
    },
    /// Too many requests or tokens a minute.
    #[error("the model server asks to slow down: {message}")]
    RateLimited {
        /// What the server said.
        message: String,
        /// How long the server asked to wait.
        after: Option<Duration>,
    },
    /// The account has no credit left.
    #[error("the account at the model server is exhausted: {message}")]
    Quota {
        /// What the server said.
        message: String,
    },
    /// The key is missing, wrong or not allowed to use the model.
    #[error("the model server refused the key: {message}")]
    Auth {
        /// What the server said.
        message: String,
    },
    /// The server does not understand the request; it never will.
    #[error("the model server refused the request: {message}")]
    BadRequest {
        /// What the server said.
        message: String,
    },
    /// The server's content filter stopped the request or the answer.
    #[error("the content filter stopped the answer: {message}")]
    ContentFilter {
        /// What the server said.
        message: String,
    },
    /// The conversation does not fit the model.
    #[error("the conversation is too long for the model: {message}")]
    ContextTooLong {
        /// What the server said.
        message: String,
    },
    /// No piece came in time, or the whole took too long.
    #[error("the model server took too long: {message}")]
    Timeout {
        /// Which bound was reached.
        message: String,
    },
    /// No request was made: the circuit of every provider is open.
    #[error("the circuit of {provider} is open until {until}")]
    CircuitOpen {
        /// Which may be tried first.
        provider: String,
        /// When that is.
        until: DateTime<Utc>,
    },
}

impl LlmError {
    /// Whether the same request to the same provider may succeed later without
    /// anybody doing something.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Transient { .. }
                | Self::RateLimited { .. }
                | Self::Timeout { .. }
                | Self::CircuitOpen { .. }
        )
    }

    /// Whether another provider may answer where this one failed.
    pub fn is_provider_fault(&self) -> bool {
        self.is_retryable() || matches!(self, Self::Quota { .. } | Self::Auth { .. })
    }

    /// How long the server asked to wait before the next request.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { after, .. } => *after,
            _ => None,
        }
    }
}
