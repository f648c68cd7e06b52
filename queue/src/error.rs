//! Errors of the queue.

use sea_orm::DbErr;

use crate::fault::Fault;

/// An error of the queue itself. Errors of jobs are [`JobError`](crate::JobError).
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The transport failed. The job is safe in SQL.
    #[error("queue transport: {0}")]
    Transport(#[from] TransportError),
    /// The args cannot be stored.
    #[error("args of {kind}: {reason}")]
    Args {
        /// The job's kind.
        kind: &'static str,
        /// Why.
        reason: String,
    },
    /// A kind has two handlers or two effects.
    #[error("kind {0} is registered twice")]
    DuplicateKind(&'static str),
    /// There is no such job, or it is not the caller's.
    #[error("there is no such job")]
    NotFound,
    /// The job's state does not allow it.
    #[error("the job is {state}: it cannot be {action}")]
    WrongState {
        /// The job's state.
        state: atelier_entities::JobState,
        /// The requested action, as a participle.
        action: &'static str,
    },
    /// The effect of a job's end failed.
    #[error("effect of {kind}: {source}")]
    Effect {
        /// The job's kind.
        kind: String,
        /// Why.
        source: EffectError,
    },
    /// A cron expression is invalid, or a schedule failed to fire.
    #[error("schedule {name}: {reason}")]
    Schedule {
        /// The schedule's name.
        name: String,
        /// Why.
        reason: String,
    },
}

/// Why an effect failed.
pub type EffectError = Box<dyn std::error::Error + Send + Sync>;

/// An error of the transport.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    message: String,
    fault: Fault,
}

impl TransportError {
    /// An error with this fault.
    #[must_use]
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { message: message.into(), fault }
    }

    /// The fault of the transport.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// Whether the message contains this text.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.message.contains(text)
    }
}

impl From<redis::RedisError> for TransportError {
    fn from(error: redis::RedisError) -> Self {
        Self::new(Fault::of_redis(&error), error.to_string())
    }
}

impl From<apalis_redis::Error> for TransportError {
    fn from(error: apalis_redis::Error) -> Self {
        match error {
            apalis_redis::Error::Database(error) => error.into(),
            error => Self::new(Fault::Refused, error.to_string()),
        }
    }
}
