//! Keys derived from the signing secret, one for each use.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Signs by HMAC-SHA-256. Each secret and each use has its own key.
#[derive(Clone)]
pub(crate) struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Derives the key for one use of the secret.
    pub(crate) fn derive(secret: &SecretString, usage: &str) -> Self {
        let key = keyed(secret.expose_secret().as_bytes()).chain_update(usage).finalize();
        Self(keyed(&key.into_bytes()))
    }

    /// The signature over the concatenation of these parts.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.over(parts).finalize().into_bytes().into()
    }

    /// Verifies a signature over these parts in constant time.
    pub(crate) fn verifies(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        self.over(parts).verify_slice(signature).is_ok()
    }

    fn over(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        parts.iter().fold(self.0.clone(), |mac, part| mac.chain_update(part))
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}
