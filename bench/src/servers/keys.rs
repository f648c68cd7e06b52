//! What an installation encrypts secrets with.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use uuid::Uuid;

/// `CREDENTIAL_KEYS` of the installations that this process starts: one random key, so that all processes of an
/// installation have the same.
pub(crate) fn credential_keys() -> &'static str {
    static KEYS: LazyLock<String> = LazyLock::new(|| {
        let key = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        format!("bench:{}", STANDARD.encode(key))
    });
    &KEYS
}
