//! Whether a call was sent by whom it says, and by what it is recognized when it comes again.
//!
//! This is a pure function of the bytes that came, the secrets and the time. The bytes of the body are
//! verified before anything is parsed. A call is recognized by what was signed, never by a header that was not.

mod schemes;
#[cfg(test)]
mod tests;

use std::time::Duration;

use atelier_entities::Timestamp;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::request::Headers;
use crate::nodes::webhook::{Scheme, Verify};

pub(super) use schemes::new_secret;
use schemes::{Claim, Proof};

/// How far the time of a call may be from ours, in both directions.
pub const TOLERANCE: Duration = Duration::from_secs(300);
/// How long a call is recognized whose time was signed: as long as its signature may be accepted.
const SIGNED_FOR: Duration = Duration::from_secs(2 * TOLERANCE.as_secs());
/// How long a signed id and an equal body are recognized.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a call brings to be verified.
#[derive(Clone, Copy)]
pub struct Received<'a> {
    /// The method.
    pub method: &'a str,
    /// The query as it came.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a Headers,
    /// The bytes of the body.
    pub body: &'a [u8],
}

/// A call that was sent by whom it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// The id that the sender gave it, if it was signed.
    pub id: Option<String>,
    /// What it is recognized by, sorted.
    pub replay_keys: Vec<ReplayKey>,
}

/// What a call is recognized by when it comes again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplayKey {
    /// A hash.
    pub key: String,
    /// For how long.
    pub kept: Duration,
}

impl ReplayKey {
    fn of<'p>(sort: &'static str, parts: impl IntoIterator<Item = &'p [u8]>, kept: Duration) -> Self {
        let mut digest = Sha256::new();
        for part in std::iter::once(sort.as_bytes()).chain(parts) {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Self { key: hex::encode(digest.finalize()), kept }
    }
}

/// The call was not sent by whom it says, or too long ago. Nothing more is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is missing, wrong or too old")]
pub struct Refused;

/// Verifies a call with the secrets that are good now.
///
/// # Errors
/// If none of the secrets proves it, or its time is too far away.
pub fn verify(
    rules: &Verify,
    once_per_body: bool,
    received: Received<'_>,
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<Verified, Refused> {
    let claim = if rules.scheme == Scheme::None {
        None
    } else {
        let claim = schemes::read(rules, received.headers).ok_or(Refused)?;
        if claim.signed_at.is_some_and(|at| !is_near(at, now)) {
            return Err(Refused);
        }
        if !secrets.iter().any(|secret| is_proven(&claim, received.body, secret)) {
            return Err(Refused);
        }
        Some(claim)
    };
    Ok(Verified {
        replay_keys: replay_keys(claim.as_ref(), once_per_body, received),
        id: claim.and_then(|claim| claim.id).map(str::to_owned),
    })
}

/// Whether the seconds since 1970 are near enough.
fn is_near(at: i64, now: Timestamp) -> bool {
    let Some(at) = Timestamp::from_timestamp(at, 0) else { return false };
    let tolerance = TimeDelta::from_std(TOLERANCE).unwrap_or(TimeDelta::MAX);
    // Whole seconds: a sender that rounds down is not late by the rest.
    let now = Timestamp::from_timestamp(now.timestamp(), 0).unwrap_or(now);
    (now - at).abs() <= tolerance
}

fn is_proven(claim: &Claim<'_>, body: &[u8], secret: &SecretString) -> bool {
    match &claim.proof {
        Proof::Token(token) => is_equal(token.as_bytes(), secret.expose_secret().as_bytes()),
        Proof::Signatures(signatures) => {
            let key = claim.key_of(secret);
            let Ok(mac) = Hmac::<Sha256>::new_from_slice(&key) else { return false };
            let mac = mac.chain_update(claim.before.as_bytes()).chain_update(body);
            signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
        }
    }
}

/// Compares in a time that does not depend on where the bytes differ, nor on how many there are.
fn is_equal(given: &[u8], secret: &[u8]) -> bool {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(&rand::random::<[u8; 32]>()) else { return false };
    let expected = mac.clone().chain_update(secret).finalize().into_bytes();
    mac.chain_update(given).verify_slice(&expected).is_ok()
}

fn replay_keys(claim: Option<&Claim<'_>>, once_per_body: bool, received: Received<'_>) -> Vec<ReplayKey> {
    let mut keys = Vec::new();
    if let Some(claim) = claim {
        if let Some(id) = claim.id {
            keys.push(ReplayKey::of("id", [id.as_bytes()], DAY));
        } else if claim.signed_at.is_some() {
            keys.push(ReplayKey::of("signed", [claim.before.as_bytes(), received.body], SIGNED_FOR));
        }
    }
    if once_per_body {
        // Where a body is signed, the rest of the request could be anybody's.
        let unsigned: [&[u8]; 2] = match claim {
            Some(_) => [b"", b""],
            None => [received.method.as_bytes(), received.query.as_bytes()],
        };
        keys.push(ReplayKey::of("body", [unsigned[0], unsigned[1], received.body], DAY));
    }
    keys.sort_unstable();
    keys
}
