use std::collections::BTreeMap;

use atelier_foundation::{Class, NotSignedIn, Problem, Refusal, key_ring::KeyRingError};
use atelier_queue::QueueError;
use sea_orm::DbErr;

use super::{MAX_INTEGRATIONS, Usage};

/// Why a command on integrations failed. No error contains a secret.
#[derive(Debug, thiserror::Error)]
pub enum IntegrationError {
    /// The integration does not exist, or belongs to another person.
    #[error("there is no such integration")]
    NotFound,
    /// There is no type of that name.
    #[error("there is no such type of integrations")]
    UnknownKind,
    /// The person has the maximum number of integrations.
    #[error("there are {MAX_INTEGRATIONS} integrations already")]
    TooMany,
    /// Workflows use the integration.
    #[error("{} nodes use the integration", .0.len())]
    InUse(Vec<Usage>),
    /// A test needs an address to ask.
    #[error("the integration names no address for tests")]
    Untestable,
    /// The installation cannot encrypt the secrets.
    #[error("the key ring: {0}")]
    KeyRing(#[from] KeyRingError),
    /// Invalid fields, by their names.
    #[error("invalid input: {0:?}")]
    InvalidInput(BTreeMap<String, String>),
    /// A command that needs a person was called without one.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Problem for IntegrationError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotSignedIn(error) => error.refusal(),
            Self::Queue(error) => error.refusal(),
            Self::Database(_) => Refusal::internal(),
            Self::NotFound => Refusal::not_found("integration"),
            Self::UnknownKind => Refusal::invalid([("type", "is no type of integrations")]),
            Self::InvalidInput(faults) => Refusal::invalid(faults.clone()),
            Self::TooMany => Refusal::at_bound("INTEGRATION_LIMIT", "integrations", MAX_INTEGRATIONS),
            Self::InUse(usages) => {
                let message =
                    "Workflows use the integration: change them first, or delete it with force=true.";
                let usages = serde_json::to_value(usages).unwrap_or_default();
                Refusal::new(Class::Conflict, "INTEGRATION_IN_USE", message).with_detail("used_by", usages)
            }
            Self::Untestable => {
                let message = "Set the address that a test asks (settings.test_url) first.";
                Refusal::new(Class::Conflict, "TEST_URL_MISSING", message)
            }
            Self::KeyRing(error) => error.refusal(),
        }
    }
}
