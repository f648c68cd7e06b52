//! The headers of each scheme, what they say was signed, and the secrets that sign it.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};

use super::super::request::Headers;
use crate::nodes::webhook::{Encoding, Scheme, Verify};

/// Most signatures of a call that are looked at.
const MAX_SIGNATURES: usize = 10;
/// What a secret of Standard Webhooks begins with.
const STANDARD_PREFIX: &str = "whsec_";

/// What the headers of a call say.
pub(super) struct Claim<'a> {
    /// What was signed before the body.
    pub(super) before: String,
    /// When it was signed, in seconds since 1970.
    pub(super) signed_at: Option<i64>,
    /// The id, if it was signed.
    pub(super) id: Option<&'a str>,
    /// What proves it.
    pub(super) proof: Proof<'a>,
    scheme: Scheme,
}

/// What proves a call.
pub(super) enum Proof<'a> {
    /// The secret itself.
    Token(&'a str),
    /// One of these is a signature.
    Signatures(Vec<Vec<u8>>),
}

impl Claim<'_> {
    /// The key that a secret stands for.
    pub(super) fn key_of(&self, secret: &SecretString) -> Zeroizing<Vec<u8>> {
        let text = secret.expose_secret();
        if self.scheme == Scheme::Standard {
            let encoded = text.strip_prefix(STANDARD_PREFIX).unwrap_or(text);
            if let Some(key) = from_base64(encoded) {
                return Zeroizing::new(key);
            }
        }
        Zeroizing::new(text.as_bytes().to_vec())
    }
}

/// What the headers of a call say. None if they lack what the scheme needs.
pub(super) fn read<'a>(rules: &Verify, headers: &'a Headers) -> Option<Claim<'a>> {
    let of_body =
        |proof| Claim { before: String::new(), signed_at: None, id: None, proof, scheme: rules.scheme };
    match rules.scheme {
        Scheme::None => None,
        Scheme::Standard => read_standard(headers),
        Scheme::Stripe => read_stripe(headers.get("stripe-signature")?),
        Scheme::Slack => read_slack(headers),
        Scheme::Generic => read_generic(rules, headers),
        Scheme::Github => {
            let signature = headers.get("x-hub-signature-256")?.strip_prefix("sha256=")?;
            Some(of_body(Proof::Signatures(vec![hex::decode(signature).ok()?])))
        }
        Scheme::Shopify => {
            let signature = from_base64(headers.get("x-shopify-hmac-sha256")?)?;
            Some(of_body(Proof::Signatures(vec![signature])))
        }
        Scheme::Gitlab => Some(of_body(Proof::Token(headers.get("x-gitlab-token")?))),
        Scheme::Telegram => Some(of_body(Proof::Token(headers.get("x-telegram-bot-api-secret-token")?))),
    }
}

fn read_standard(headers: &Headers) -> Option<Claim<'_>> {
    let (id, time) = (headers.get("webhook-id")?, headers.get("webhook-timestamp")?);
    // Otherwise one text could be signed for two ids.
    if id.is_empty() || id.contains('.') {
        return None;
    }
    let listed = headers.get("webhook-signature")?.split(' ');
    let signatures = listed.filter_map(|one| from_base64(one.strip_prefix("v1,")?));
    Some(Claim {
        before: format!("{id}.{time}."),
        signed_at: Some(seconds(time)?),
        id: Some(id),
        proof: Proof::Signatures(signatures.take(MAX_SIGNATURES).collect()),
        scheme: Scheme::Standard,
    })
}

fn read_stripe(header: &str) -> Option<Claim<'_>> {
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let time = fields().find(|(name, _)| *name == "t").map(|(_, time)| time)?;
    let signatures =
        fields().filter(|(name, _)| *name == "v1").filter_map(|(_, signature)| hex::decode(signature).ok());
    Some(Claim {
        before: format!("{time}."),
        signed_at: Some(seconds(time)?),
        id: None,
        proof: Proof::Signatures(signatures.take(MAX_SIGNATURES).collect()),
        scheme: Scheme::Stripe,
    })
}

fn read_slack(headers: &Headers) -> Option<Claim<'_>> {
    let time = headers.get("x-slack-request-timestamp")?;
    let signature = headers.get("x-slack-signature")?.strip_prefix("v0=")?;
    Some(Claim {
        before: format!("v0:{time}:"),
        signed_at: Some(seconds(time)?),
        id: None,
        proof: Proof::Signatures(vec![hex::decode(signature).ok()?]),
        scheme: Scheme::Slack,
    })
}

fn read_generic<'a>(rules: &Verify, headers: &'a Headers) -> Option<Claim<'a>> {
    let text = headers.get(rules.header.as_deref()?)?;
    let text = text.strip_prefix(rules.prefix.as_deref().unwrap_or_default())?;
    let signature = match rules.encoding.unwrap_or_default() {
        Encoding::Hex => hex::decode(text).ok()?,
        Encoding::Base64 => from_base64(text)?,
    };
    let time = match &rules.timestamp_header {
        Some(name) => Some(headers.get(name)?),
        None => None,
    };
    let signed_at = match time {
        Some(time) => Some(seconds(time)?),
        None => None,
    };
    Some(Claim {
        before: time.map(|time| format!("{time}.")).unwrap_or_default(),
        signed_at,
        id: None,
        proof: Proof::Signatures(vec![signature]),
        scheme: Scheme::Generic,
    })
}

/// Digits alone: other ways to write a number would be other texts for the same time.
fn seconds(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Base64 with or without padding.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()
}

/// A secret of 256 random bits, as the scheme writes them.
pub(crate) fn new_secret(scheme: Scheme) -> SecretString {
    let bytes = Zeroizing::new(rand::random::<[u8; 32]>());
    let text = match scheme {
        Scheme::Standard => format!("{STANDARD_PREFIX}{}", STANDARD.encode(*bytes)),
        _ => hex::encode(*bytes),
    };
    SecretString::from(text)
}
