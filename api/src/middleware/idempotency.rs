//! `Idempotency-Key`: a client that does not know whether its request arrived repeats it
//! under the same key, and the request is executed once.
//!
//! Only routes that declare it by `keeps` keep their answers. A successful answer (2xx) is
//! kept and replayed to callers that may call the route at that moment. It is committed in
//! the same transaction as the effects of the request, after the handler has answered:
//! nothing that the handler commits is visible before. A refusal is not kept, and the key
//! can be used again. A request that fails (5xx) is rolled back.

#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;

use atelier_foundation::idempotency::{BeginOutcome, Claim, StoredResponse};
use atelier_queue::Transaction;
use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use futures::FutureExt;
use sha2::{Digest, Sha256};
use tracing::Instrument;

use crate::{
    error::{ApiError, Conflicted},
    extract::Bearer,
    metrics::REPLAYED,
    middleware::{panics, retry, time_limit},
    policy::RoutePolicy,
    request_id,
    state::ApiState,
};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The header as the document spells it.
pub(crate) const PARAMETER: &str = "Idempotency-Key";
const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
pub(crate) const LONGEST_KEY: usize = 255;
/// The largest answer that is kept; most are a few KiB.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// The state for the layer of a route that keeps its answers.
#[derive(Clone)]
struct LayerState(ApiState);

/// Passes the state to the layer of a route that keeps its answers, where the request has a
/// key.
pub(crate) fn prepare(state: &ApiState, policy: &RoutePolicy, request: &mut Request) {
    if policy.keeps_answer && request.headers().contains_key(HEADER) {
        request.extensions_mut().insert(LayerState(state.clone()));
    }
}

/// Keeps the answers of POST handlers under the request's key. `A` is what a handler checks
/// of its caller; it is checked again before a kept answer is given.
pub(crate) fn layer<A>(handlers: MethodRouter<ApiState>) -> MethodRouter<ApiState>
where
    A: FromRequestParts<ApiState> + Send + 'static,
{
    handlers.layer(from_fn(apply::<A>))
}

/// Executes the request once for each key of a person. Requests without a key or without
/// a person pass.
async fn apply<A: FromRequestParts<ApiState> + Send + 'static>(mut request: Request, next: Next) -> Response {
    // The layer of a route also wraps the refusal of other methods.
    let applies = request.method() == Method::POST && request.headers().contains_key(HEADER);
    let layer_state = request.extensions_mut().remove().filter(|_| applies);
    let Some(LayerState(state)) = layer_state else { return next.run(request).await };
    let mut answer = once::<A>(state, request, next).await.unwrap_or_else(IntoResponse::into_response);
    // Under a key only the handler is retried: see `run`.
    answer.extensions_mut().remove::<Conflicted>();
    answer
}

async fn once<A: FromRequestParts<ApiState> + Send + 'static>(
    state: ApiState,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let user = match request.extensions().get::<Bearer>() {
        Some(Bearer::Valid(who)) => who.user.id,
        _ => return Ok(next.run(request).await),
    };
    let Some(key) = key(request.headers())? else { return Ok(next.run(request).await) };
    let (mut parts, body) = request.into_parts();
    let body =
        to_bytes(body, usize::MAX).await.map_err(|_| ApiError::of_status(StatusCode::PAYLOAD_TOO_LARGE))?;
    let hash = hash(&parts.method, &parts.uri, &body);
    let work = async move {
        match state.services.foundation.idempotency.begin(user, &key, &hash).await? {
            BeginOutcome::Fresh(claim) => run(&state, &claim, (parts, body), next).await,
            BeginOutcome::Replay { status, location, body } => {
                if let Err(refusal) = A::from_request_parts(&mut parts, &state).await {
                    return Ok(refusal.into_response());
                }
                metrics::counter!(REPLAYED).increment(1);
                Ok(replay(status, location.as_deref(), body))
            }
            BeginOutcome::Conflict => Err(ApiError::new(
                StatusCode::CONFLICT,
                "IDEMPOTENCY_KEY_REUSED",
                "This Idempotency-Key was used for another request.",
            )),
            BeginOutcome::InFlight => Err(in_progress()),
        }
    };
    // In a task of its own, so that it goes on where the client disconnects.
    let work = request_id::with_id(request_id::current(), work).in_current_span();
    tokio::spawn(work).await.map_err(ApiError::internal)?
}

fn in_progress() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "REQUEST_IN_PROGRESS",
        "Another request of this Idempotency-Key is still being answered.",
    )
    .with_retry_after(1)
}

/// The key of the request; 422 where it is too long or not plain.
fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > LONGEST_KEY {
        let fault = format!("must be 1 to {LONGEST_KEY} visible characters");
        return Err(ApiError::invalid([(PARAMETER, fault)]));
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

/// Runs the request within the time limit of requests; after that it is rolled back and its
/// key is released.
async fn run(
    state: &ApiState,
    claim: &Claim,
    (parts, body): (Parts, Bytes),
    next: Next,
) -> Result<Response, ApiError> {
    let (limit, queue) = (state.options.request_timeout, &state.services.queue);
    let handling = AssertUnwindSafe(retry::run_read(queue, parts, body, next)).catch_unwind();
    match tokio::time::timeout(limit, queue.defer(handling)).await {
        Ok((Ok(response), done)) => keep(state, claim, done, response).await,
        Ok((Err(panic), done)) => {
            undo(state, claim, done).await;
            Ok(panics::respond(panic))
        }
        Err(_elapsed) => {
            undo(state, claim, None).await;
            Err(time_limit::timed_out(limit))
        }
    }
}

/// Commits the effects of the request with its answer, where it succeeded.
async fn keep(
    state: &ApiState,
    claim: &Claim,
    done: Option<Transaction>,
    response: Response,
) -> Result<Response, ApiError> {
    let keys = &state.services.foundation.idempotency;
    let status = response.status();
    if status.is_server_error() {
        undo(state, claim, done).await;
        return Ok(response);
    }
    if !status.is_success() {
        keys.release(claim, done).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = match read_whole(body).await {
        Ok(body) => body,
        Err(error) => {
            undo(state, claim, done).await;
            return Err(error);
        }
    };
    let location = parts.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let answer = StoredResponse { status: status.as_u16(), location, body: &String::from_utf8_lossy(&body) };
    match keys.finish(claim, done, answer).await? {
        true => Ok(Response::from_parts(parts, Body::from(body))),
        false => Err(in_progress()),
    }
}

/// The body of an answer that is complete and small enough to be kept.
async fn read_whole(body: Body) -> Result<Bytes, ApiError> {
    let longest = u64::try_from(LARGEST_ANSWER).unwrap_or(u64::MAX);
    if body.size_hint().upper().is_none_or(|size| size > longest) {
        return Err(ApiError::internal(
            "an answer too large or too slow to be kept under its Idempotency-Key",
        ));
    }
    to_bytes(body, LARGEST_ANSWER).await.map_err(ApiError::internal)
}

/// Rolls back a request that failed, and releases its key.
async fn undo(state: &ApiState, claim: &Claim, done: Option<Transaction>) {
    drop(done);
    if let Err(error) = state.services.foundation.idempotency.release(claim, None).await {
        tracing::warn!(%error, "an idempotency key was not released; a repeated request takes it over");
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
