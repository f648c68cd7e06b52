use std::collections::BTreeMap;

use atelier_foundation::{Class, NotSignedIn, Problem, Refusal, key_ring::KeyRingError};
use atelier_queue::QueueError;
use sea_orm::DbErr;

use super::{MAX_SECRETS, MAX_SUBSCRIPTIONS};

/// Why a command on webhooks failed. No error contains a secret.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is no such subscription or delivery, or it belongs to another person.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The person has the maximum number of subscriptions.
    #[error("there are {MAX_SUBSCRIPTIONS} webhooks already")]
    TooMany,
    /// As many secrets sign as may.
    #[error("{MAX_SECRETS} secrets sign already")]
    TooManySecrets,
    /// The subscription is paused or disabled, so nothing is sent.
    #[error("the webhook is not enabled")]
    NotEnabled,
    /// The installation cannot encrypt the secret.
    #[error("the key ring: {0}")]
    KeyRing(#[from] KeyRingError),
    /// Invalid fields, by their places.
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

impl Problem for WebhookError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotSignedIn(error) => error.refusal(),
            Self::Queue(error) => error.refusal(),
            Self::Database(_) => Refusal::internal(),
            Self::NotFound(what) => Refusal::not_found(what),
            Self::InvalidInput(faults) => Refusal::invalid(faults.clone()),
            Self::TooMany => Refusal::at_bound("WEBHOOK_LIMIT", "webhooks", MAX_SUBSCRIPTIONS),
            Self::TooManySecrets => Refusal::at_bound("SECRET_LIMIT", "secrets that sign", MAX_SECRETS),
            Self::NotEnabled => {
                let message = "The webhook is paused or disabled: enable it first.";
                Refusal::new(Class::Conflict, "WEBHOOK_NOT_ENABLED", message)
            }
            Self::KeyRing(error) => error.refusal(),
        }
    }
}
