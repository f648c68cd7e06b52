//! Who a request comes from: the person whom its access token names. The signature, the
//! issuer, the audience and the end are checked, and nothing is looked up.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use super::Shared;

const ISSUER: &str = "atelier";
const AUDIENCE: &str = "atelier-api";

/// Checks access tokens of the product.
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
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Self { key: DecodingKey::from_secret(secret.expose_secret().as_bytes()), validation }
    }

    fn person(&self, token: &str) -> Option<Uuid> {
        Some(jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).ok()?.claims.sub)
    }
}

/// The id of a signed-in person; 401 where there is none.
pub(super) struct Person(pub(super) Uuid);

impl FromRequestParts<Shared> for Person {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, StatusCode> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer "));
        token.and_then(|token| state.tokens.person(token)).map(Self).ok_or(StatusCode::UNAUTHORIZED)
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
