//! The keys that encrypt credentials.

use atelier_foundation::key_rotation::KeyCount;
use serde::Serialize;

use crate::schema::ToSchema;

/// The keys that encrypt credentials.
#[derive(Serialize, ToSchema)]
pub(crate) struct CredentialKeysView {
    /// Those of CREDENTIAL_KEYS in their order, then those that only secrets name.
    pub(crate) keys: Vec<CredentialKeyView>,
}

/// A key that encrypts credentials.
#[derive(Serialize, ToSchema)]
pub(crate) struct CredentialKeyView {
    /// Its id.
    id: String,
    /// The secrets that it encrypts.
    secrets: u64,
    /// Whether this process has it. Secrets of other keys cannot be opened.
    known: bool,
}

impl From<(KeyCount, bool)> for CredentialKeyView {
    fn from((KeyCount { key_id, secrets }, known): (KeyCount, bool)) -> Self {
        Self { id: key_id, secrets, known }
    }
}
