//! Integrations: access to services outside, with credentials that are encrypted at rest and are
//! never shown again.
//!
//! A command seals secrets and never opens one. [`Credentials`] opens them, in a worker, for the
//! node at hand, after it has checked where they may be sent.

mod check;
mod commands;
mod credentials;
mod error;
pub mod header;
pub mod hosts;
mod jobs;
pub mod kinds;
mod personal;
mod secrets;
mod test;
mod token;
mod usage;

use std::collections::BTreeMap;

use atelier_entities::{IntegrationId, Timestamp, integrations};
use atelier_foundation::key_ring::KeyRing;
use atelier_queue::Queue;
use serde::{Deserialize, Serialize};

pub use check::IntegrationChanges;
pub use commands::NewIntegration;
pub(crate) use credentials::required;
pub use credentials::{CredentialError, Credentials, Found};
pub use error::IntegrationError;
pub use jobs::TestIntegration;
pub(crate) use personal::OwnedIntegrations;
pub use test::TestReport;
pub(crate) use usage::INTEGRATION;
pub use usage::Usage;

/// Most integrations of a person.
pub const MAX_INTEGRATIONS: u64 = 100;
/// Maximum length of a name, in characters.
pub const MAX_NAME: usize = 120;

/// Integrations of people. Cheap to clone.
#[derive(Clone)]
pub struct Integrations {
    queue: Queue,
    ring: KeyRing,
}

impl Integrations {
    pub(crate) const fn new(queue: Queue, ring: KeyRing) -> Self {
        Self { queue, ring }
    }
}

impl std::fmt::Debug for Integrations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Integrations").finish_non_exhaustive()
    }
}

/// An integration with what may be known of its secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct Integration {
    /// The row.
    pub row: integrations::Model,
    /// The secrets that are set, by their names.
    pub secrets: BTreeMap<String, SecretInfo>,
}

/// What may be known of a secret that is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretInfo {
    /// Its last four characters, if it has at least sixteen.
    pub hint: Option<String>,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// The target of an audit entry about an integration.
#[must_use]
pub fn integration_target(id: IntegrationId) -> Option<String> {
    Some(format!("integration:{id}"))
}

#[cfg(test)]
mod tests;
