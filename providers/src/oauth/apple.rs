//! Apple's client secret: a short-lived JWT that the instance signs with a key of the
//! developer account.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::error::OAuthError;
use crate::jwt;

/// How long a client secret is valid; Apple accepts at most six months.
const LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// A key of Apple's developer account.
pub struct AppleKey {
    team_id: String,
    key_id: String,
    key: EncodingKey,
}

/// The key is not an EC key in PEM.
#[derive(Debug, thiserror::Error)]
#[error("Apple's private key is not readable: it is the text of the .p8 file, from BEGIN to END PRIVATE KEY")]
pub struct AppleKeyError;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
    aud: &'a str,
    sub: &'a str,
}

impl AppleKey {
    /// The key with this id and team, from the text of its `.p8` file. Line breaks may be
    /// written as `\n`, as in environment variables.
    pub fn new(team_id: &str, key_id: &str, pem: &SecretString) -> Result<Self, AppleKeyError> {
        jwt::ensure_algorithms();
        let pem = pem.expose_secret().replace("\\n", "\n");
        let key = EncodingKey::from_ec_pem(pem.trim().as_bytes()).map_err(|_| AppleKeyError)?;
        // A key of another type is detected only when it signs.
        let key = Self { team_id: team_id.to_owned(), key_id: key_id.to_owned(), key };
        key.client_secret("", "", DateTime::UNIX_EPOCH).map_err(|_| AppleKeyError)?;
        Ok(key)
    }

    /// A client secret for the provider `audience`, valid from `now` on.
    pub(super) fn client_secret(
        &self,
        client_id: &str,
        audience: &str,
        now: DateTime<Utc>,
    ) -> Result<String, OAuthError> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.key_id.clone());
        let claims = Claims {
            iss: &self.team_id,
            iat: now.timestamp(),
            exp: (now + LIFETIME).timestamp(),
            aud: audience,
            sub: client_id,
        };
        jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|_| OAuthError::Misconfigured("the client secret cannot be signed".to_owned()))
    }
}

impl std::fmt::Debug for AppleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppleKey").field("team_id", &self.team_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
    use serde_json::Value;

    use super::*;

    fn pem() -> String {
        let key = p256::SecretKey::from_slice(&[7; 32]).expect("a key");
        key.to_pkcs8_pem(LineEnding::LF).expect("PEM").to_string()
    }

    fn public_pem() -> String {
        let key = p256::SecretKey::from_slice(&[7; 32]).expect("a key").public_key();
        key.to_public_key_pem(LineEnding::LF).expect("PEM")
    }

    #[test]
    fn signs_secrets_as_apple_requires() {
        let key = AppleKey::new("TEAM123456", "KEY1234567", &pem().into()).expect("a key");
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");

        let secret = key.client_secret("app.example", "https://appleid.apple.com", now).expect("a secret");

        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&["https://appleid.apple.com"]);
        validation.validate_exp = false;
        let public = DecodingKey::from_ec_pem(public_pem().as_bytes()).expect("a key");
        let token = jsonwebtoken::decode::<Value>(&secret, &public, &validation).expect("signed");
        assert_eq!((token.header.kid.as_deref(), token.header.alg), (Some("KEY1234567"), Algorithm::ES256));
        assert_eq!(
            (&token.claims["iss"], &token.claims["sub"]),
            (&"TEAM123456".into(), &"app.example".into())
        );
        assert_eq!(token.claims["exp"].as_i64(), Some(1_800_000_300));
    }

    #[test]
    fn accepts_line_breaks_as_environments_write_them() {
        let escaped = pem().trim().replace('\n', "\\n");

        assert!(AppleKey::new("T", "K", &escaped.into()).is_ok());
        for broken in ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
            let Err(error) = AppleKey::new("T", "K", &broken.into()) else { panic!("taken: {broken}") };
            assert!(!error.to_string().contains("AAAA"));
        }
    }
}
