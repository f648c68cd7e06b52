use atelier_foundation::{Class, FieldErrors, NotSignedIn, Problem, Refusal};
use atelier_queue::QueueError;
use sea_orm::DbErr;

use super::MAX_SCHEDULES;
use crate::{runs::RunError, workflows::WorkflowError};

/// Why a command on schedules failed.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// A command that needs a person was called without one.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// There is no such schedule, or it belongs to another person.
    #[error("there is no such schedule")]
    NotFound,
    /// The person has the maximum number of schedules.
    #[error("there are {MAX_SCHEDULES} schedules already")]
    TooMany,
    /// Invalid fields.
    #[error("invalid input: {0}")]
    InvalidInput(#[from] FieldErrors),
    /// The workflow did not start a run: the code says why.
    #[error("the workflow does not run: {0}")]
    NotStarted(&'static str),
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

impl Problem for ScheduleError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotSignedIn(error) => error.refusal(),
            Self::NotFound => Refusal::not_found("schedule"),
            Self::TooMany => Refusal::at_bound("SCHEDULE_LIMIT", "schedules", MAX_SCHEDULES),
            Self::InvalidInput(errors) => errors.refusal(),
            Self::NotStarted(code) => Refusal::new(Class::Conflict, code, "The workflow does not run now."),
            Self::Workflow(error) => error.refusal(),
            Self::Run(error) => error.refusal(),
            Self::Queue(error) => error.refusal(),
            Self::Database(_) => Refusal::internal(),
        }
    }
}
