//! The person that a request comes from, by its access token.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
};
use uuid::Uuid;

use super::state::Shared;

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
