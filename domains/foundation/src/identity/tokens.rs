//! Access tokens (JWT, HS256) and refresh tokens (random, stored as their hash).

use std::time::Duration;

use atelier_entities::{SessionFamilyId, Timestamp, UserId};
use atelier_providers::jwt;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::IdentityError;

const AUDIENCE: &str = "atelier-api";

/// How far the clock of the issuing process may be ahead.
const LEEWAY_SECS: i64 = 60;

/// The claims of an access token.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// The account.
    pub(super) sub: UserId,
    /// The sign-in.
    pub(super) fam: SessionFamilyId,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    /// Never issued, but checked if present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

impl Claims {
    /// When the token expires; none if the time is out of range.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        Timestamp::from_timestamp(self.exp, 0)
    }
}

pub(super) struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    issuer: String,
    lifetime: Duration,
}

impl AccessTokens {
    pub(super) fn new(secret: &SecretString, issuer: &str, lifetime: Duration) -> Self {
        jwt::ensure_algorithms();
        let secret = secret.expose_secret().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // `read` checks the expiry by the queue's clock.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            issuer: issuer.to_owned(),
            lifetime,
        }
    }

    /// Issues a token for this sign-in, valid from now on.
    pub(super) fn issue(
        &self,
        user: UserId,
        family: SessionFamilyId,
        now: Timestamp,
    ) -> Result<String, IdentityError> {
        let claims = Claims {
            sub: user,
            fam: family,
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            iat: now.timestamp(),
            exp: (now + self.lifetime).timestamp(),
            nbf: None,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| IdentityError::Crypto(error.to_string()))
    }

    /// The claims of a token, if it was issued here and has not expired.
    pub(super) fn read(&self, token: &str, now: Timestamp) -> Result<Claims, IdentityError> {
        let data = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| IdentityError::InvalidToken)?;
        let Claims { iat, nbf, exp, .. } = data.claims;
        if nbf.unwrap_or(iat).max(iat) > now.timestamp().saturating_add(LEEWAY_SECS) {
            return Err(IdentityError::InvalidToken);
        }
        if exp <= now.timestamp() {
            return Err(IdentityError::ExpiredToken);
        }
        Ok(data.claims)
    }
}

/// A new token: 32 random bytes as base64url.
#[must_use]
pub fn new_token() -> String {
    let mut bytes = [0_u8; 32];
    rand::rng().fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether a text has the form of such a token.
pub(super) fn is_token(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// The stored hash of a token: its SHA-256 in hexadecimal.
#[must_use]
pub fn hash_token(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_timestamp(secs, 0).expect("a valid time")
    }

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const ISSUER: &str = "https://atelier.example";

    fn tokens(secret: &str, issuer: &str) -> AccessTokens {
        AccessTokens::new(&SecretString::from(secret.to_owned()), issuer, Duration::from_secs(60))
    }

    #[test]
    fn an_issued_token_is_valid_until_it_expires() {
        let tokens = tokens(SECRET, ISSUER);
        let (user, family) = (UserId::new(), SessionFamilyId::new());
        let token = tokens.issue(user, family, at(1_000)).expect("a token");

        let claims = tokens.read(&token, at(1_059)).expect("valid");
        assert_eq!((claims.sub, claims.fam), (user, family));
        assert!(matches!(tokens.read(&token, at(1_060)), Err(IdentityError::ExpiredToken)));
    }

    #[test]
    fn refuses_other_keys_issuers_and_algorithms() {
        let ours = tokens(SECRET, ISSUER);
        let issue = |tokens: &AccessTokens| {
            tokens.issue(UserId::new(), SessionFamilyId::new(), at(1_000)).expect("a token")
        };
        let good = issue(&ours);
        let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
        let with_header = |json: &str| format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(json));
        let refused = [
            issue(&tokens("another-secret-another-secret-xx", ISSUER)),
            issue(&tokens(SECRET, "https://staging.example")),
            with_header(r#"{"alg":"none","typ":"JWT"}"#),
            with_header(r#"{"alg":"HS512","typ":"JWT"}"#),
            with_header(r#"{"alg":"RS256","typ":"JWT"}"#),
            format!("{header}.{payload}."),
            String::new(),
            "a.b.c".to_owned(),
        ];

        assert!(ours.read(&good, at(1_000)).is_ok());
        for token in refused {
            assert!(matches!(ours.read(&token, at(1_000)), Err(IdentityError::InvalidToken)), "{token}");
        }
    }

    #[test]
    fn missing_foreign_and_future_claims_are_refused() {
        let ours = tokens(SECRET, ISSUER);
        let claims = json!({
            "sub": UserId::new(), "fam": SessionFamilyId::new(),
            "iss": ISSUER, "aud": AUDIENCE, "iat": 1_000, "exp": 2_000,
        });
        let read = |claims: &Value| {
            let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &ours.encoding);
            ours.read(&token.expect("a token"), at(1_000))
        };
        assert!(read(&claims).is_ok(), "the test can sign");
        for name in ["sub", "fam", "iss", "aud", "iat", "exp"] {
            let mut without = claims.clone();
            without.as_object_mut().expect("an object").remove(name);
            assert!(matches!(read(&without), Err(IdentityError::InvalidToken)), "without {name}");
        }
        for (name, value, good) in [
            ("aud", json!("somebody-else"), false),
            ("aud", json!(["somebody-else", AUDIENCE]), false),
            ("sub", json!("ada"), false),
            ("iat", json!(1_060), true),
            ("iat", json!(1_061), false),
            ("nbf", json!(900), true),
            ("nbf", json!(1_061), false),
            ("exp", json!("2000"), false),
            ("exp", json!(i64::MAX), true),
        ] {
            let mut other = claims.clone();
            other[name] = value.clone();
            assert_eq!(read(&other).is_ok(), good, "{name} {value}");
        }
    }

    #[test]
    fn refresh_tokens_are_random_and_stored_hashed() {
        let (one, other) = (new_token(), new_token());

        assert_ne!(one, other);
        assert_eq!(one.len(), 43);
        assert_eq!(hash_token(&one).len(), 64);
        assert!(!hash_token(&one).contains(&one));
    }
}
