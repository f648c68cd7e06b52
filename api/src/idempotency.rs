//! `Idempotency-Key`: a client that does not know whether its request arrived sends
//! it again under the same key, and it is done once.
//!
//! What was answered to a request that did something (2xx) is kept and given again.
//! A refusal did nothing and is not kept: the same key may try again.

use std::panic::AssertUnwindSafe;

use atelier_entities::UserId;
use atelier_services::idempotency::Begin;
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use sha2::{Digest, Sha256};
use tracing::Instrument;

use crate::{
    app::ApiState,
    error::ApiError,
    extract::Bearer,
    metrics::REPLAYED,
    middleware::{panics, request_id},
};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotency-replayed");
const LONGEST_KEY: usize = 255;
/// Largest answer that is kept; those of the operations concerned are a few KiB.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// Does the request once for each key of a person. Requests without a key, and
/// those of nobody, pass.
pub(crate) async fn apply(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    match once(&state, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn once(state: &ApiState, request: Request, next: Next) -> Result<Response, ApiError> {
    if !applies(request.method().as_str(), request.uri().path()) {
        return Ok(next.run(request).await);
    }
    let user = match request.extensions().get::<Bearer>() {
        Some(Bearer::Known(who)) => who.user.id,
        _ => return Ok(next.run(request).await),
    };
    let Some(key) = key(request.headers())? else { return Ok(next.run(request).await) };
    let (parts, body) = request.into_parts();
    let body =
        to_bytes(body, usize::MAX).await.map_err(|_| ApiError::of_status(StatusCode::PAYLOAD_TOO_LARGE))?;
    let hash = hash(&parts.method, &parts.uri, &body);
    match state.services.idempotency.begin(user, &key, &hash).await? {
        Begin::Fresh => {
            let request = Request::from_parts(parts, Body::from(body));
            run(state.clone(), user, key, request, next).await
        }
        Begin::Replay { status, location, body } => {
            metrics::counter!(REPLAYED).increment(1);
            Ok(replay(status, location.as_deref(), body))
        }
        Begin::Conflict => Err(ApiError::new(
            StatusCode::CONFLICT,
            "IDEMPOTENCY_KEY_REUSED",
            "This Idempotency-Key was used for another request.",
        )),
        Begin::InFlight => Err(ApiError::new(
            StatusCode::CONFLICT,
            "REQUEST_IN_PROGRESS",
            "The first request of this Idempotency-Key is still being answered.",
        )
        .with_retry_after(1)),
    }
}

/// Whether repeats of the operation are caught: every POST under `/api`, but for
/// those whose answers hold tokens, which are not to be kept.
pub(crate) fn applies(method: &str, path: &str) -> bool {
    method == "POST"
        && path.starts_with("/api/")
        && !path.starts_with("/api/auth/")
        && !path.ends_with("/export/zip")
}

/// The key of the request; 422 where it is too long or not plain.
fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > LONGEST_KEY {
        let fault = format!("must be 1 to {LONGEST_KEY} visible characters");
        return Err(ApiError::invalid([("Idempotency-Key", fault)]));
    }
    Ok(Some(key.to_owned()))
}

/// SHA-256 of method, path with query, and body, in hexadecimal.
fn hash(method: &Method, uri: &Uri, body: &[u8]) -> String {
    let mut digest = Sha256::new();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    for part in [method.as_str(), path] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    digest.update(body);
    hex::encode(digest.finalize())
}

/// Runs the request in a task of its own, so that a client that goes away neither
/// stops it half-way nor leaves its key in flight.
async fn run(
    state: ApiState,
    user: UserId,
    key: String,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let work = request_id::within(request_id::current(), async move {
        match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => keep(&state, user, &key, response).await,
            Err(panic) => {
                abandon(&state, user, &key).await;
                Ok(panics::answer(panic))
            }
        }
    });
    tokio::spawn(work.in_current_span()).await.map_err(ApiError::internal)?
}

async fn keep(state: &ApiState, user: UserId, key: &str, response: Response) -> Result<Response, ApiError> {
    if !response.status().is_success() {
        abandon(state, user, key).await;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body: Bytes = to_bytes(body, LARGEST_ANSWER).await.map_err(ApiError::internal)?;
    let location = parts.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let text = String::from_utf8_lossy(&body);
    let kept = state.services.idempotency.finish(user, key, parts.status.as_u16(), location, &text).await;
    if let Err(error) = kept {
        tracing::error!(%error, "the answer to an idempotency key was not kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

async fn abandon(state: &ApiState, user: UserId, key: &str) {
    if let Err(error) = state.services.idempotency.abandon(user, key).await {
        tracing::error!(%error, "an idempotency key was not given back");
    }
}

fn replay(status: u16, location: Option<&str>, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
    if let Some(location) = location.and_then(|location| HeaderValue::from_str(location).ok()) {
        headers.insert(header::LOCATION, location);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_tells_requests_apart() {
        let uri = |text: &str| text.parse::<Uri>().expect("a URI");
        let first = hash(&Method::POST, &uri("/api/projects"), b"{\"title\":\"x\"}");

        assert_eq!(first, hash(&Method::POST, &uri("/api/projects"), b"{\"title\":\"x\"}"));
        assert_eq!(first.len(), 64);
        for other in [
            hash(&Method::PUT, &uri("/api/projects"), b"{\"title\":\"x\"}"),
            hash(&Method::POST, &uri("/api/projects?x=1"), b"{\"title\":\"x\"}"),
            hash(&Method::POST, &uri("/api/projects"), b"{\"title\":\"y\"}"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn catches_repeats_where_something_happens_and_never_keeps_tokens() {
        for (method, path, expected) in [
            ("POST", "/api/projects", true),
            ("POST", "/api/projects/{id}/generate", true),
            ("POST", "/api/jobs/{id}/retry", true),
            ("GET", "/api/projects", false),
            ("POST", "/api/auth/refresh", false),
            ("POST", "/api/projects/{id}/export/zip", false),
        ] {
            assert_eq!(applies(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn keys_are_bounded() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_str(value).expect("a header"));
            key(&headers)
        };
        assert_eq!(key(&HeaderMap::new()).expect("none"), None);
        assert_eq!(with(" order-7 ").expect("a key"), Some("order-7".to_owned()));
        assert!(with(" ").is_err());
        assert!(with(&"k".repeat(LONGEST_KEY + 1)).is_err());
    }

    #[test]
    fn a_replay_has_the_same_status_location_and_body() {
        let response = replay(202, Some("/api/jobs/7"), "{}".to_owned());

        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(response.headers()[header::LOCATION], "/api/jobs/7");
        assert_eq!(response.headers()[REPLAYED_HEADER], "true");
    }
}
