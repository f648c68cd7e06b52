//! What operators see of accounts and of the platform. What they do is in the domain
//! it is done to.

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

/// What operators see. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Admin {
    queue: Queue,
}

/// Why an operator was not shown something.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Parameters that cannot be taken as they are.
    #[error("invalid input: {0}")]
    InvalidInput(#[from] FieldErrors),
    /// There is no such account.
    #[error("there is no such account")]
    NotFound,
    /// The queue did not do it.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The database did not do it.
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
