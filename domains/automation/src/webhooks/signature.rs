//! Signatures by Standard Webhooks: HMAC-SHA-256 over the id of the event, the time of the attempt and the body.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use sha2::Sha256;

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret that the platform makes.
const NEW_BYTES: usize = 32;
/// Bytes of a secret that a person brings.
const ACCEPTED_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A new secret.
pub(super) fn new_secret() -> SecretString {
    let bytes = Zeroizing::new(rand::random::<[u8; NEW_BYTES]>());
    SecretString::from(format!("{PREFIX}{}", STANDARD.encode(bytes.as_slice())))
}

/// Whether a text is a secret that can sign.
pub(super) fn is_secret(text: &SecretString) -> bool {
    key_of(text).is_some_and(|key| ACCEPTED_BYTES.contains(&key.len()))
}

fn key_of(secret: &SecretString) -> Option<Zeroizing<Vec<u8>>> {
    let encoded = secret.expose_secret().strip_prefix(PREFIX)?;
    STANDARD.decode(encoded).ok().map(Zeroizing::new)
}

/// The value of `webhook-signature`: a signature by each of the secrets. None if one of them cannot sign.
pub(super) fn sign(secrets: &[SecretString], event_id: &str, timestamp: i64, body: &str) -> Option<String> {
    let signed = format!("{event_id}.{timestamp}.{body}");
    let by = |secret: &SecretString| {
        let mac = Hmac::<Sha256>::new_from_slice(&key_of(secret)?).ok()?.chain_update(signed.as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    secrets.iter().map(by).collect::<Option<Vec<_>>>().map(|signatures| signatures.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases that the libraries of Standard Webhooks test themselves with.
    const PUBLISHED: [(&str, &str, i64, &str, &str); 2] = [
        (
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1_649_367_553,
            r#"{"email":"test@example.com","username":"test_user"}"#,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
        (
            "whsec_plJ3nmyCDGBKInavdOK15jsl",
            "msg_loFOjxBNrRLzqYUf",
            1_731_705_121,
            r#"{"event_type":"ping","data":{"success":true}}"#,
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        ),
    ];

    #[test]
    fn signatures_are_those_of_published_cases() {
        for (secret, id, timestamp, body, expected) in PUBLISHED {
            let signed = sign(&[SecretString::from(secret)], id, timestamp, body);
            assert_eq!(signed.as_deref(), Some(expected), "{id}");
        }
    }

    #[test]
    fn all_secrets_sign_separated_by_a_space() {
        let secrets = PUBLISHED.map(|(secret, ..)| SecretString::from(secret));

        let signed = sign(&secrets, "msg_1", 1, "{}").expect("signed");

        let parts: Vec<_> = signed.split(' ').collect();
        assert_eq!(parts.len(), 2);
        assert!(parts.iter().all(|part| part.starts_with("v1,")));
        assert_eq!(Some(parts[1].to_owned()), sign(&secrets[1..], "msg_1", 1, "{}"));
    }

    #[test]
    fn a_secret_has_24_to_64_bytes_and_its_prefix() {
        let of = |bytes: usize| SecretString::from(format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes])));
        for (secret, expected) in [
            (of(23), false),
            (of(24), true),
            (of(64), true),
            (of(65), false),
            (SecretString::from("whsec_*"), false),
            (SecretString::from("C2FVsBQIhrscChlQIMV+b5sSYspob7oD"), false),
            (new_secret(), true),
        ] {
            assert_eq!(is_secret(&secret), expected, "{}", secret.expose_secret());
        }
        assert_eq!(key_of(&new_secret()).map(|key| key.len()), Some(NEW_BYTES));
        assert_eq!(sign(&[SecretString::from("whsec_*")], "msg_1", 1, "{}"), None);
    }
}
