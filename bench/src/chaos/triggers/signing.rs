//! The signatures of Standard Webhooks.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

/// A secret that a sender and a receiver share.
pub(super) struct Secret(Vec<u8>);

impl Secret {
    /// A new one, of 32 bytes.
    pub(super) fn new() -> Self {
        let halves = [Uuid::new_v4(), Uuid::new_v4()];
        Self(halves.iter().flat_map(|half| half.as_bytes().iter().copied()).collect())
    }

    /// Its text.
    pub(super) fn text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(&self.0))
    }

    /// The signature of a body that is sent under this id at that time, in seconds.
    pub(super) fn sign(&self, id: &str, at: i64, body: &str) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        let mac = mac.chain_update(format!("{id}.{at}.{body}"));
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_published_example() {
        let secret = Secret(STANDARD.decode("plJ3nmyCDGBKInavdOK15jsl").expect("a secret"));
        let body = r#"{"event_type":"ping","data":{"success":true}}"#;

        let signature = secret.sign("msg_loFOjxBNrRLzqYUf", 1_731_705_121, body);

        assert_eq!(signature, "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=");
        assert_eq!(secret.text(), "whsec_plJ3nmyCDGBKInavdOK15jsl");
        assert_eq!(Secret::new().0.len(), 32);
    }
}
