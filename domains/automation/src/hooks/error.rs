use atelier_foundation::{Class, FieldErrors, NotSignedIn, Problem, Refusal, key_ring::KeyRingError};
use atelier_queue::QueueError;
use sea_orm::DbErr;

use super::MAX_HOOKS;
use crate::{
    runs::RunError,
    workflows::{WorkflowError, versions::LoadError},
};

/// Seconds after which a sender may call a workflow again that is busy.
const BUSY_PAUSE: u64 = 5;
/// Seconds after which a sender may call again while workflows are paused.
const PAUSED_PAUSE: u64 = 60;

/// Why a call or a command on webhooks failed. No error contains a token or a secret.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// No address has this token, or it starts nothing now.
    #[error("there is no such webhook")]
    NotFound,
    /// The workflow has no webhook of that key.
    #[error("the workflow has no webhook of that key")]
    NoNode,
    /// The test address of the hook was not called, or long ago.
    #[error("the test address was not called")]
    NoTestCall,
    /// The hook does not take the method; it takes these.
    #[error("the method is not allowed")]
    Method(Vec<&'static str>),
    /// The hook does not take the type of the body.
    #[error("the type of the body is not allowed")]
    ContentType,
    /// The body is not what its type says.
    #[error("the body cannot be read")]
    Unreadable,
    /// The body is too large.
    #[error("the body is too large")]
    TooLarge,
    /// The call does not prove who sent it.
    #[error("the call is not proven")]
    Unproven,
    /// The workflow takes no run now; the code says why.
    #[error("the workflow takes no run: {0}")]
    Busy(&'static str),
    /// An operator has paused the jobs of workflows.
    #[error("workflows are paused")]
    Paused,
    /// The workflow has the maximum number of hooks.
    #[error("there are {MAX_HOOKS} webhooks already")]
    TooMany,
    /// The installation cannot encrypt or decrypt secrets.
    #[error("the key ring: {0}")]
    KeyRing(#[from] KeyRingError),
    /// Invalid fields.
    #[error("invalid input: {0}")]
    InvalidInput(#[from] FieldErrors),
    /// A command that needs a person was called without one.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// The workflow refused.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// The run refused.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl From<LoadError> for HookError {
    fn from(error: LoadError) -> Self {
        Self::Run(error.into())
    }
}

impl Problem for HookError {
    fn refusal(&self) -> Refusal {
        let missing = |code, message: &'static str| Refusal::new(Class::NotFound, code, message);
        let later = |code, message: &'static str, seconds| {
            Refusal::new(Class::Unavailable, code, message).with_retry_after(seconds)
        };
        match self {
            Self::NotFound => Refusal::not_found("webhook"),
            Self::NoNode => missing("NODE_NOT_FOUND", "The workflow has no webhook of that key."),
            Self::NoTestCall => missing("TEST_CALL_NOT_FOUND", "The test address was not called yet."),
            Self::Method(_) => {
                let message = "The webhook does not take this method.";
                Refusal::new(Class::MethodNotAllowed, "METHOD_NOT_ALLOWED", message)
            }
            Self::ContentType => {
                let message = "The webhook does not take this type of body.";
                Refusal::new(Class::UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", message)
            }
            Self::Unreadable => {
                Refusal::new(Class::BadRequest, "INVALID_JSON", "The body is not what its type says.")
            }
            Self::TooLarge => {
                Refusal::new(Class::TooLarge, "PAYLOAD_TOO_LARGE", "The request body is too large.")
            }
            Self::Unproven => Refusal::new(Class::Unauthenticated, "CALL_REFUSED", "The call was refused."),
            Self::Busy(_) => {
                let message = "The workflow takes no run just now: call again.";
                later("WORKFLOW_BUSY", message, BUSY_PAUSE)
            }
            Self::Paused => later("WORKFLOW_PAUSED", "Workflows are paused: call again later.", PAUSED_PAUSE),
            Self::TooMany => Refusal::at_bound("WEBHOOK_LIMIT", "webhooks of the workflow", MAX_HOOKS),
            Self::KeyRing(error) => error.refusal(),
            Self::InvalidInput(errors) => errors.refusal(),
            Self::NotSignedIn(error) => error.refusal(),
            Self::Workflow(error) => error.refusal(),
            Self::Run(error) => error.refusal(),
            Self::Queue(error) => error.refusal(),
            Self::Database(_) => Refusal::internal(),
        }
    }
}
