//! The keys that encrypt credentials: `id:base64,id:base64`.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretBox, zeroize::Zeroizing};

use crate::settings::Settings;
use crate::values::Checked;

/// The name of the setting.
pub(crate) const KEY: &str = "credentials.keys";

const BYTES: usize = 32;
const MAX_ID: usize = 32;

/// A key that encrypts credentials.
pub struct CredentialKey {
    /// Its name: 1 to 32 letters, digits, `-` and `_`.
    pub id: String,
    /// The key.
    pub secret: SecretBox<[u8; BYTES]>,
}

impl fmt::Debug for CredentialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Settings {
    /// The keys that encrypt credentials, the one that encrypts new ones first. Empty if none is
    /// set; [`crate::load`] and [`Settings::ensure_credential_keys`] have checked them.
    #[must_use]
    pub fn credential_keys(&self) -> Vec<CredentialKey> {
        parse(self.credentials.keys.expose_secret()).unwrap_or_default()
    }
}

/// Checks the keys. The message names a key by its id, or by its place if it has none.
pub(crate) fn check(text: &str) -> Checked {
    parse(text).map(drop)
}

fn parse(text: &str) -> Result<Vec<CredentialKey>, String> {
    let mut keys: Vec<CredentialKey> = Vec::new();
    if text.trim().is_empty() {
        return Ok(keys);
    }
    for (index, item) in text.split(',').enumerate() {
        let key = parse_key(index + 1, item.trim())?;
        if keys.iter().any(|known| known.id == key.id) {
            return Err(format!("has two keys with the id {:?}", key.id));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn parse_key(place: usize, item: &str) -> Result<CredentialKey, String> {
    let shape =
        || format!("key {place} is not written as id:base64, such as 2026-11:<openssl rand -base64 32>");
    let (id, secret) = item.split_once(':').ok_or_else(shape)?;
    let is_valid = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if id.is_empty() || id.len() > MAX_ID || !is_valid(id) {
        return Err(format!("the id of key {place} must have 1 to {MAX_ID} letters, digits, - and _"));
    }
    let bytes = STANDARD.decode(secret.trim());
    let bytes = Zeroizing::new(bytes.map_err(|_| format!("the key {id:?} is not base64"))?);
    let array: [u8; BYTES] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| format!("the key {id:?} must have {BYTES} bytes, has {}", bytes.len()))?;
    if array.iter().all(|byte| *byte == array[0]) {
        return Err(format!("the key {id:?} is not random"));
    }
    Ok(CredentialKey { id: id.to_owned(), secret: SecretBox::new(Box::new(array)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(first: u8) -> String {
        let bytes: Vec<u8> = (first..).take(BYTES).collect();
        STANDARD.encode(bytes)
    }

    #[test]
    fn keys_keep_their_order_and_show_only_their_ids() {
        let mut settings = Settings::for_tests();
        settings.credentials.keys = String::new().into();
        assert!(settings.credential_keys().is_empty());
        settings.credentials.keys = format!("2026-11:{}, 2026-05:{}", key(1), key(2)).into();

        let keys = settings.credential_keys();

        let found: Vec<_> = keys.iter().map(|key| (&*key.id, key.secret.expose_secret()[0])).collect();
        assert_eq!(found, [("2026-11", 1), ("2026-05", 2)]);
        assert!(!format!("{keys:?}{:?}", settings.credentials).contains(&key(1)));
    }

    #[test]
    fn wrong_keys_are_refused_by_their_id() {
        let short = STANDARD.encode([7; 31]);
        let uniform = STANDARD.encode([7; BYTES]);
        for (text, expected) in [
            (format!("new:{short}"), r#"the key "new" must have 32 bytes, has 31"#),
            (format!("new:{}x", key(1)), r#"the key "new" is not base64"#),
            (format!("new:{uniform}"), r#"the key "new" is not random"#),
            (format!("new:{},new:{}", key(1), key(2)), r#"has two keys with the id "new""#),
            (format!("new:{},{}", key(1), key(2)), "key 2 is not written as id:base64"),
            (format!("a b:{}", key(1)), "the id of key 1 must have 1 to 32 letters"),
            (format!(":{}", key(1)), "the id of key 1 must have 1 to 32 letters"),
            (format!("new:{},", key(1)), "key 2 is not written as id:base64"),
        ] {
            let message = check(&text).expect_err(&text);
            assert!(message.starts_with(expected), "{message}");
            assert!(!message.contains(&key(1)) && !message.contains(&short), "{message}");
        }
    }
}
