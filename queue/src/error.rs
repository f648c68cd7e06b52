//! What the queue answers when it cannot do what was asked.

use sea_orm::DbErr;

use crate::fault::Fault;

/// An error of the queue itself; what goes wrong inside a job is a
/// [`JobError`](crate::JobError).
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The database did not do it.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The transport did not do it. The job is safe in SQL all the same.
    #[error("queue transport: {0}")]
    Transport(#[from] TransportError),
    /// Args that cannot be stored.
    #[error("args of {kind}: {reason}")]
    Args {
        /// The job's kind.
        kind: &'static str,
        /// Why not.
        reason: String,
    },
    /// Two handlers or effects for one kind.
    #[error("kind {0} is registered twice")]
    DuplicateKind(&'static str),
    /// There is no such job, or it is not the caller's.
    #[error("there is no such job")]
    NotFound,
    /// The job's state does not allow it.
    #[error("the job is {state}: it cannot be {action}")]
    WrongState {
        /// What it is.
        state: atelier_entities::JobState,
        /// What was asked, as a participle.
        action: &'static str,
    },
    /// What a job's end should have changed in the product did not work.
    #[error("effect of {kind}: {source}")]
    Effect {
        /// The job's kind.
        kind: String,
        /// Why.
        source: EffectError,
    },
    /// A cron expression that cannot be read.
    #[error("schedule {name}: {reason}")]
    Schedule {
        /// The schedule's name.
        name: String,
        /// Why not.
        reason: String,
    },
}

/// Why an effect failed.
pub type EffectError = Box<dyn std::error::Error + Send + Sync>;

/// A transport that did not answer, or not in time.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    message: String,
    fault: Fault,
}

impl TransportError {
    /// An error of this fault.
    #[must_use]
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { message: message.into(), fault }
    }

    /// What is wrong with the transport.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// Whether it says this.
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
