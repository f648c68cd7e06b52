//! Access tokens (JWT, HS256) and refresh tokens (random, stored as their hash).

use std::time::Duration;

use atelier_entities::{SessionFamilyId, Timestamp, UserId};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::IdentityError;

const ISSUER: &str = "atelier";
const AUDIENCE: &str = "atelier-api";

/// What an access token says.
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
}

pub(super) struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lifetime: Duration,
}

impl AccessTokens {
    pub(super) fn new(secret: &SecretString, lifetime: Duration) -> Self {
        let secret = secret.expose_secret().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The queue's clock decides, in `read`.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            lifetime,
        }
    }

    /// A token of this sign-in, good from now on.
    pub(super) fn issue(
        &self,
        user: UserId,
        family: SessionFamilyId,
        now: Timestamp,
    ) -> Result<String, IdentityError> {
        let claims = Claims {
            sub: user,
            fam: family,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            iat: now.timestamp(),
            exp: (now + self.lifetime).timestamp(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| IdentityError::Crypto(error.to_string()))
    }

    /// What a token says, where it is one of ours and still good.
    pub(super) fn read(&self, token: &str, now: Timestamp) -> Result<Claims, IdentityError> {
        let data = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| IdentityError::InvalidToken)?;
        if data.claims.exp <= now.timestamp() {
            return Err(IdentityError::ExpiredToken);
        }
        Ok(data.claims)
    }
}

/// A new refresh or API token: 32 random bytes as base64url.
pub(super) fn new_token() -> String {
    let mut bytes = [0_u8; 32];
    rand::rng().fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is stored of a token: its SHA-256, hexadecimal.
pub(super) fn hash_token(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_timestamp(secs, 0).expect("a valid time")
    }

    fn tokens(secret: &str) -> AccessTokens {
        AccessTokens::new(&SecretString::from(secret.to_owned()), Duration::from_secs(60))
    }

    #[test]
    fn reads_what_it_issued_until_it_expires() {
        let tokens = tokens("0123456789abcdef0123456789abcdef");
        let (user, family) = (UserId::new(), SessionFamilyId::new());
        let token = tokens.issue(user, family, at(1_000)).expect("a token");

        let claims = tokens.read(&token, at(1_059)).expect("valid");
        assert_eq!((claims.sub, claims.fam), (user, family));
        assert!(matches!(tokens.read(&token, at(1_060)), Err(IdentityError::ExpiredToken)));
    }

    #[test]
    fn refuses_other_keys_algorithms_and_audiences() {
        let ours = tokens("0123456789abcdef0123456789abcdef");
        let other = tokens("another-secret-another-secret-xx");
        let claims = |aud: &str| Claims {
            sub: UserId::new(),
            fam: SessionFamilyId::new(),
            iss: ISSUER.to_owned(),
            aud: aud.to_owned(),
            iat: 0,
            exp: 2_000,
        };
        let signed = |algorithm, aud| {
            jsonwebtoken::encode(&Header::new(algorithm), &claims(aud), &ours.encoding).expect("a token")
        };
        let unsigned = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#),
            URL_SAFE_NO_PAD.encode(serde_json::to_string(&claims(AUDIENCE)).expect("json")),
        );
        let refused = [
            other.issue(UserId::new(), SessionFamilyId::new(), at(1_000)).expect("a token"),
            signed(Algorithm::HS512, AUDIENCE),
            signed(Algorithm::HS256, "somebody-else"),
            unsigned,
            String::new(),
            "a.b.c".to_owned(),
        ];

        assert!(ours.read(&signed(Algorithm::HS256, AUDIENCE), at(1_000)).is_ok());
        for token in refused {
            assert!(matches!(ours.read(&token, at(1_000)), Err(IdentityError::InvalidToken)), "{token}");
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
