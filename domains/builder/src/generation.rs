//! Generations: from a request to a version, which is stored in one transaction.

mod action;
mod commands;
mod draft;
mod effect;
mod files;
mod jobs;
mod ledger;
mod messages;
mod plan;
mod run;
mod servers;
mod store;
mod stream;
mod write;

use std::sync::Arc;

use atelier_entities::{GenerationMode, JobId, ProjectStack};
use atelier_providers::llm::ChatModel;
use atelier_queue::{Queue, QueueError};
use sea_orm::DbErr;

use crate::{GenerationOptions, check::Limits};
use atelier_foundation::{Class, CreditOptions, FieldErrors, NotSignedIn, Problem, Refusal};

pub(crate) use action::GenerateApp;
pub(crate) use commands::Terms;
pub use effect::GenerationEnded;
pub use files::FILE_STATES;
pub use jobs::RunGeneration;
pub use messages::ProjectMessage;
pub use servers::{ServerReport, Spend};
#[cfg(any(test, feature = "testing"))]
pub(crate) use store::store_for_tests;

/// Generations. Cheap to clone.
#[derive(Clone)]
pub struct Generation {
    queue: Queue,
    model: Arc<dyn ChatModel>,
    options: GenerationOptions,
    prices: CreditOptions,
}

/// The input of a generation.
#[derive(Clone, Debug)]
pub struct GenerationInput {
    /// The mode, which sets effort and price.
    pub mode: GenerationMode,
    /// Instructions beside the project's description, at most 5,000 characters. With a
    /// prompt the current version is changed; without one the application is written from
    /// scratch.
    pub prompt: Option<String>,
    /// What the application is written with; as its files or its description tell if it is none.
    pub stack: Option<ProjectStack>,
}

/// Why a generation was not started.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// A command that needs a person was called without one.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// The project does not exist, or belongs to another person.
    #[error("there is no such project")]
    NotFound,
    /// Invalid fields.
    #[error("invalid input: {0}")]
    InvalidInput(FieldErrors),
    /// A generation of the project has not ended.
    #[error("a generation of this project is running already")]
    AlreadyRunning(JobId),
    /// The project has the maximum number of versions.
    #[error("there are {0} versions already")]
    TooManyVersions(u64),
    /// The request fits in the context of no model.
    #[error("the request needs about {needed} tokens, and a model takes {most}")]
    ContextTooLong {
        /// An estimate of the tokens that the request and its answer need at least.
        needed: u64,
        /// The tokens that the largest context has.
        most: u64,
    },
    /// The balance is too low.
    #[error("the generation costs {needed} credits, and {available} are left")]
    InsufficientCredits {
        /// The price.
        needed: i64,
        /// The balance.
        available: i64,
    },
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue failed.
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
            Self::ContextTooLong { needed, most } => {
                let message =
                    format!("This needs about {needed} tokens, and no model takes more than {most}.");
                Refusal::new(Class::TooLarge, "CONTEXT_TOO_LONG", message)
                    .with_detail("needed", *needed)
                    .with_detail("most", *most)
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
