//! Writing applications: from a request to a version, stored whole or not at all.

mod commands;
mod effect;
mod jobs;
mod run;
mod store;
mod stream;

use std::sync::Arc;

use atelier_entities::{GenerationMode, JobId};
use atelier_providers::llm::ChatModel;
use atelier_queue::{Queue, QueueError};
use sea_orm::DbErr;

use crate::{GenerationOptions, check::Limits};
use atelier_foundation::{Class, CreditOptions, FieldErrors, NotSignedIn, Problem, Refusal};

pub use effect::GenerationEnded;
pub use jobs::RunGeneration;
#[cfg(any(test, feature = "testing"))]
pub(crate) use store::store_for_tests;

/// Writing applications. Cheap to clone.
#[derive(Clone)]
pub struct Generation {
    queue: Queue,
    model: Arc<dyn ChatModel>,
    options: GenerationOptions,
    prices: CreditOptions,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct GenerationInput {
    /// How much effort is paid for.
    pub mode: GenerationMode,
    /// What to do beyond the project's description, at most 5,000 characters. With
    /// one, the current version is changed; without, the application is written anew.
    pub prompt: Option<String>,
}

/// Why a generation was not started.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// A command for people was called by nobody.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// There is no such project, or it is another person's.
    #[error("there is no such project")]
    NotFound,
    /// Fields that cannot be taken as they are.
    #[error("invalid input: {0}")]
    InvalidInput(FieldErrors),
    /// One is waiting or running already.
    #[error("a generation of this project is running already")]
    AlreadyRunning(JobId),
    /// The project has as many versions as it may.
    #[error("there are {0} versions already")]
    TooManyVersions(u64),
    /// The balance does not reach.
    #[error("the generation costs {needed} credits, and {available} are left")]
    InsufficientCredits {
        /// Its price.
        needed: i64,
        /// The balance.
        available: i64,
    },
    /// The database did not do it.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue did not do it.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Problem for GenerationError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotSignedIn(error) => error.refusal(),
            Self::NotFound => Refusal::not_found("project"),
            Self::InvalidInput(errors) => errors.refusal(),
            Self::AlreadyRunning(job) => {
                let message = "A generation of this project is running already.";
                Refusal::in_progress("GENERATION_IN_PROGRESS", message, *job)
            }
            Self::TooManyVersions(most) => {
                Refusal::at_bound("VERSION_LIMIT", "versions of one project", *most)
            }
            Self::InsufficientCredits { needed, available } => {
                let message = format!("This costs {needed} credits, and {available} are left.");
                Refusal::new(Class::Conflict, "INSUFFICIENT_CREDITS", message)
                    .with_detail("needed", *needed)
                    .with_detail("available", *available)
            }
            Self::Queue(error) => error.refusal(),
            Self::Database(_) => Refusal::internal(),
        }
    }
}

impl From<FieldErrors> for GenerationError {
    fn from(errors: FieldErrors) -> Self {
        Self::InvalidInput(errors)
    }
}

impl Generation {
    pub(crate) fn new(
        queue: Queue,
        model: Arc<dyn ChatModel>,
        options: GenerationOptions,
        prices: CreditOptions,
    ) -> Self {
        Self { queue, model, options, prices }
    }

    fn limits(&self) -> Limits {
        let GenerationOptions { max_files, max_file_bytes, max_total_bytes, .. } = self.options;
        Limits { max_files, max_file_bytes, max_total_bytes }
    }
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation").field("provider", &self.model.provider()).finish_non_exhaustive()
    }
}
