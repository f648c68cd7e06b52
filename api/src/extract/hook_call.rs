//! A call of a webhook: everything that came, as it came.

use atelier_automation::hooks::{Headers, HookRequest};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
};

use super::ClientAddress;
use crate::{error::ApiError, state::ApiState};

/// What came to the address of a webhook. A header that is no text is left out.
#[derive(Debug)]
pub(crate) struct HookCall {
    /// The request.
    pub(crate) request: HookRequest,
    /// The key that counts unknown tokens of its address.
    pub(crate) limit_key: String,
}

impl FromRequest<ApiState> for HookCall {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let token = Path::<String>::from_request_parts(&mut parts, state).await;
        let Path(token) = token.map_err(|_| ApiError::not_found("webhook"))?;
        let address = parts.extensions.get::<ClientAddress>();
        let address = address.map_or_else(String::new, |address| address.limit_key());
        let method = parts.method.as_str().to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let headers: Headers = parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        let body = Bytes::from_request(Request::from_parts(parts, body), state).await;
        let body = body.map_err(|rejection| ApiError::of_status(rejection.status()))?;
        let request = HookRequest { token, method, query, headers, body };
        Ok(Self { request, limit_key: format!("hook:{address}") })
    }
}
