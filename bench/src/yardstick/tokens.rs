//! Access tokens of the product: signature, issuer, audience and expiry are verified, and
//! nothing is looked up.

use atelier_providers::jwt;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

const ISSUER: &str = "atelier";
const AUDIENCE: &str = "atelier-api";

/// Verifies access tokens.
pub(super) struct Tokens {
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
}

impl Tokens {
    /// Of the product that signs with this secret.
    pub(super) fn new(secret: &SecretString) -> Self {
        jwt::ensure_algorithms();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Self { key: DecodingKey::from_secret(secret.expose_secret().as_bytes()), validation }
    }

    /// Whom a token names, where it is valid.
    pub(super) fn person(&self, token: &str) -> Option<Uuid> {
        Some(jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).ok()?.claims.sub)
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    use super::*;

    const NEVER: i64 = 32_503_680_000;

    fn token(secret: &str, issuer: &str, expires_at: i64) -> String {
        let claims = json!({"sub": Uuid::nil(), "iss": issuer, "aud": AUDIENCE, "exp": expires_at});
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("a token")
    }

    #[test]
    fn a_token_must_be_signed_by_the_product_and_not_be_over() {
        let tokens = Tokens::new(&SecretString::from("secret"));

        assert_eq!(tokens.person(&token("secret", ISSUER, NEVER)), Some(Uuid::nil()));
        for refused in
            [token("other", ISSUER, NEVER), token("secret", "other", NEVER), token("secret", ISSUER, 1)]
        {
            assert_eq!(tokens.person(&refused), None);
        }
    }
}
