//! What operators see of accounts and of the platform. What they do is in the domain
//! it is done to.

mod accounts;
mod growth;
mod health;
mod overview;

use atelier_queue::{Queue, QueueError};
use sea_orm::DbErr;

use crate::FieldErrors;

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

impl Admin {
    pub(crate) fn new(queue: Queue) -> Self {
        Self { queue }
    }
}
