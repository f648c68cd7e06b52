//! Administrators' views of accounts and of the platform. Their commands are in the domains.

mod accounts;
mod growth;
mod health;
mod overview;

use atelier_foundation::{FieldErrors, Problem, Refusal};
use atelier_queue::{Queue, QueueError};
use sea_orm::DbErr;

pub use accounts::{AccountCounts, AccountDetail, AccountFilter, AccountOrder, AccountSort};
pub use growth::{Growth, GrowthPeriod, GrowthPoint, GrowthQuery};
pub use health::{DatabaseFacts, HealthReport, PROBE_LIMIT, Probe, Status};
pub use overview::{JobCounts, Overview};

/// Administrators' views. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Admin {
    queue: Queue,
}

/// Why a view could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Invalid parameters.
    #[error("invalid input: {0}")]
    InvalidInput(#[from] FieldErrors),
    /// The account does not exist.
    #[error("there is no such account")]
    NotFound,
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
}

impl Problem for AdminError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::InvalidInput(errors) => errors.refusal(),
            Self::NotFound => Refusal::not_found("account"),
            Self::Queue(error) => error.refusal(),
            Self::Database(_) => Refusal::internal(),
        }
    }
}

impl Admin {
    pub(crate) fn new(queue: Queue) -> Self {
        Self { queue }
    }
}
