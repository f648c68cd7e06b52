//! What the clients of all protocols do with responses.

use bytes::{Bytes, BytesMut};
use chrono::Utc;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use secrecy::{ExposeSecret, SecretString};

use super::LlmError;
use super::faults::{Refusal, classify};
use super::hints;
use crate::http::describe;

const MAX_REFUSAL_BYTES: usize = 64 * 1024;
const MAX_ID_CHARS: usize = 100;

/// The response if its status is a success, otherwise the error that it means.
pub(super) async fn accepted(response: Response, api_key: &SecretString) -> Result<Response, LlmError> {
    let encoding = response.headers().get(CONTENT_ENCODING).map(|value| value.as_bytes() != b"identity");
    if response.status().is_success() && encoding == Some(true) {
        return Err(LlmError::Transient { message: "the response is compressed without being asked".into() });
    }
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status().as_u16();
    let retry_after = hints::in_headers(response.headers(), Utc::now());
    let request_id = request_id(response.headers());
    let body = read(response, MAX_REFUSAL_BYTES).await;
    let api_key = api_key.expose_secret();
    Err(classify(&Refusal { status, retry_after, request_id, body: &body, api_key }))
}

/// The server's id of the request.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    let named = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let id = named("request-id").or_else(|| named("x-request-id"))?;
    Some(id.chars().filter(char::is_ascii_graphic).take(MAX_ID_CHARS).collect())
}

/// The body up to `limit` bytes, or to where the connection broke.
async fn read(mut response: Response, limit: usize) -> Bytes {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(limit - body.len())]);
        if body.len() >= limit {
            break;
        }
    }
    body.freeze()
}

/// The error of a connection.
pub(super) fn broken(error: &reqwest::Error) -> LlmError {
    if error.is_timeout() {
        return LlmError::Timeout { message: "no connection in time".into() };
    }
    LlmError::Transient { message: describe(error) }
}
