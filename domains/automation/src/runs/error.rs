//! Why a command on runs is refused.

use atelier_entities::RunStatus;
use atelier_foundation::{Class, FieldErrors, NotSignedIn, Problem, Refusal};
use atelier_providers::object_store::ObjectError;
use atelier_queue::QueueError;
use sea_orm::DbErr;

use super::OutputError;
use crate::{
    engine,
    workflows::{WorkflowError, versions::LoadError},
};

/// Why a command on runs failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A command that needs a person was called without one.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// There is no such thing, or it belongs to another person.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The run has no such node.
    #[error("the run has no such node")]
    NoNode,
    /// No node of that key waits for this, or ever did.
    #[error("the node waits for nothing of that kind")]
    NoWait,
    /// The workflow has no such version.
    #[error("the workflow has no such version")]
    NoVersion,
    /// Invalid fields.
    #[error("invalid input: {0}")]
    InvalidInput(#[from] FieldErrors),
    /// The workflow has as many runs as it may.
    #[error("the workflow has {0} runs already")]
    Busy(u32),
    /// As many runs of the workflow are queued as may be.
    #[error("{0} runs of the workflow are queued already")]
    QueueFull(u32),
    /// The workflow has no published version.
    #[error("the workflow has no published version")]
    Unpublished,
    /// The version has no trigger to begin with.
    #[error("the version has no trigger")]
    NoTrigger,
    /// The draft cannot be run.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// The version of the run is gone, or this version of the program cannot run it.
    #[error("the version of the run is missing")]
    VersionMissing,
    /// The state of the run does not allow it.
    #[error("the run is {status}: it cannot be {action}")]
    WrongState {
        /// The state.
        status: RunStatus,
        /// What was asked for, as a participle.
        action: &'static str,
    },
    /// Nothing failed that could run again.
    #[error("nothing can be retried")]
    NothingToRetry,
    /// The wait was answered before, or its time has come.
    #[error("the wait is over")]
    WaitOver,
    /// The run keeps as many signals as it may.
    #[error("the run has {0} signals already")]
    TooManySignals(u64),
    /// A stored value cannot be read.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The object store failed.
    #[error(transparent)]
    Storage(#[from] ObjectError),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl RunError {
    /// The error of a refused step.
    pub(super) fn of(refusal: &engine::Refusal, status: RunStatus, action: &'static str) -> Self {
        match refusal {
            engine::Refusal::UnknownNode { .. } => Self::NoNode,
            engine::Refusal::NothingToRetry => Self::NothingToRetry,
            engine::Refusal::WaitClosed => Self::WaitOver,
            engine::Refusal::NoTrigger => Self::NoTrigger,
            _ => Self::WrongState { status, action },
        }
    }
}

impl From<LoadError> for RunError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Database(error) => Self::Database(error),
            LoadError::Plan(_) => Self::VersionMissing,
        }
    }
}

impl Problem for RunError {
    fn refusal(&self) -> Refusal {
        let conflict = |code, message: &'static str| Refusal::new(Class::Conflict, code, message);
        let missing = |code, message: &'static str| Refusal::new(Class::NotFound, code, message);
        match self {
            Self::NotSignedIn(error) => error.refusal(),
            Self::NotFound(what) => Refusal::not_found(what),
            Self::NoNode => missing("NODE_NOT_FOUND", "The run has no such node in that scope."),
            Self::NoWait => missing("WAIT_NOT_FOUND", "The node waits for no decision."),
            Self::NoVersion => missing("VERSION_NOT_FOUND", "The workflow has no such published version."),
            Self::InvalidInput(errors) => errors.refusal(),
            Self::Busy(limit) => {
                Refusal::at_bound("WORKFLOW_BUSY", "runs of the workflow under way", u64::from(*limit))
            }
            Self::QueueFull(limit) => {
                Refusal::at_bound("QUEUE_FULL", "queued runs of the workflow", u64::from(*limit))
            }
            Self::Unpublished => {
                conflict("WORKFLOW_UNPUBLISHED", "Publish the workflow first, or run its draft.")
            }
            Self::NoTrigger => conflict("NO_TRIGGER", "The version has no enabled trigger to begin with."),
            Self::Workflow(error) => error.refusal(),
            Self::VersionMissing => {
                conflict("VERSION_MISSING", "The version of the run is gone, or cannot be run here.")
            }
            Self::WrongState { status, action } => {
                let message = format!("The run is {status}: it cannot be {action}.");
                Refusal::new(Class::Conflict, "WRONG_STATE", message).with_detail("status", status.as_str())
            }
            Self::NothingToRetry => conflict("NOTHING_TO_RETRY", "Nothing failed that could run again."),
            Self::WaitOver => {
                Refusal::new(Class::Gone, "WAIT_OVER", "The wait was answered before, or is over.")
            }
            Self::TooManySignals(most) => Refusal::at_bound("SIGNAL_LIMIT", "signals of the run", *most),
            Self::Queue(error) => error.refusal(),
            Self::Output(OutputError::TooLarge) => {
                conflict("OUTPUT_TOO_LARGE", "The value is made of more than can be shown at once.")
            }
            Self::Output(_) | Self::Storage(_) | Self::Database(_) => Refusal::internal(),
        }
    }
}
