//! `Idempotency-Key`: a client that does not know whether its request arrived sends
//! it again under the same key, and it is done once.
//!
//! Whether answers are kept is said where a route is registered, by `keeps`; those of any
//! other route are not. What was answered to a request that did something (2xx) is kept and
//! given again, to who may ask for it at that moment.
//! It is committed together with what the request did, once the handler has answered:
//! nothing that a handler commits is there before. A refusal is not kept: the same key
//! may try again. Of a request that fails (5xx) nothing remains.

#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;

use atelier_queue::Transaction;
use atelier_services::idempotency::{Answer, Begin, Claim};
use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use futures::FutureExt;
use sha2::{Digest, Sha256};
use tracing::Instrument;
use utoipa::openapi::{
    Required,
    path::{Parameter, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
};

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
/// The same as the document writes it.
const PARAMETER: &str = "Idempotency-Key";
const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotency-replayed");
const LONGEST_KEY: usize = 255;
/// Largest answer that can be kept; those of the operations concerned are a few KiB.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// What a route whose answers are kept needs of the API.
#[derive(Clone)]
struct Keys(ApiState);

/// Gives the layer of a route that keeps its answers what it needs, where the request has a
/// key.
pub(crate) fn prepare(state: &ApiState, policy: &RoutePolicy, request: &mut Request) {
    if policy.keeps_answer && request.headers().contains_key(HEADER) {
        request.extensions_mut().insert(Keys(state.clone()));
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

/// The key as a parameter of the document.
pub(crate) fn parameter() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).max_length(Some(LONGEST_KEY));
    let schema = schema.pattern(Some("^[\\t -~]*[!-~][\\t -~]*$")).build();
    ParameterBuilder::new()
        .name(PARAMETER)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Any text, new for each new request. The same key and body within 24 hours get the first answer \
             again; another body is 409 IDEMPOTENCY_KEY_REUSED.",
        ))
        .schema(Some(schema))
        .build()
}

/// Does the request once for each key of a person. Requests without a key, and
/// those of nobody, pass.
async fn apply<A: FromRequestParts<ApiState> + Send + 'static>(mut request: Request, next: Next) -> Response {
    // The layer of a route also stands before the refusal of other methods.
    let applies = request.method() == Method::POST && request.headers().contains_key(HEADER);
    let keys = request.extensions_mut().remove().filter(|_| applies);
    let Some(Keys(state)) = keys else { return next.run(request).await };
    let mut answer = once::<A>(state, request, next).await.unwrap_or_else(IntoResponse::into_response);
    // Under a key the handler alone is done again: see `run`.
    answer.extensions_mut().remove::<Conflicted>();
    answer
}

async fn once<A: FromRequestParts<ApiState> + Send + 'static>(
    state: ApiState,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let user = match request.extensions().get::<Bearer>() {
        Some(Bearer::Known(who)) => who.user.id,
        _ => return Ok(next.run(request).await),
    };
    let Some(key) = key(request.headers())? else { return Ok(next.run(request).await) };
    let (parts, body) = request.into_parts();
    let body =
        to_bytes(body, usize::MAX).await.map_err(|_| ApiError::of_status(StatusCode::PAYLOAD_TOO_LARGE))?;
    let hash = hash(&parts.method, &parts.uri, &body);
    let mut asker = parts.clone();
    let request = Request::from_parts(parts, Body::from(body));
    let work = async move {
        match state.services.idempotency.begin(user, &key, &hash).await? {
            Begin::Fresh(claim) => run(&state, &claim, request, next).await,
            Begin::Replay { status, location, body } => {
                if let Err(refusal) = A::from_request_parts(&mut asker, &state).await {
                    return Ok(refusal.into_response());
                }
                metrics::counter!(REPLAYED).increment(1);
                Ok(replay(status, location.as_deref(), body))
            }
            Begin::Conflict => Err(ApiError::new(
                StatusCode::CONFLICT,
                "IDEMPOTENCY_KEY_REUSED",
                "This Idempotency-Key was used for another request.",
            )),
            Begin::InFlight => Err(in_progress()),
        }
    };
    // In a task of its own: a client that goes away does not stop it half-way.
    let work = request_id::within(request_id::current(), work).in_current_span();
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

/// Runs the request, for no longer than any request may take: one that is stuck gives
/// back what it holds.
async fn run(state: &ApiState, claim: &Claim, request: Request, next: Next) -> Result<Response, ApiError> {
    let limit = state.options.request_timeout;
    let handling = AssertUnwindSafe(retry::run(request, next)).catch_unwind();
    match tokio::time::timeout(limit, state.services.queue.defer(handling)).await {
        Ok((Ok(response), done)) => keep(state, claim, done, response).await,
        Ok((Err(panic), done)) => {
            undo(state, claim, done).await;
            Ok(panics::answer(panic))
        }
        Err(_late) => {
            undo(state, claim, None).await;
            Err(time_limit::too_late(limit))
        }
    }
}

/// Commits what the request did, as far as its answer says that it is done.
async fn keep(
    state: &ApiState,
    claim: &Claim,
    done: Option<Transaction>,
    response: Response,
) -> Result<Response, ApiError> {
    let keys = &state.services.idempotency;
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
    let body = match whole(body).await {
        Ok(body) => body,
        Err(error) => {
            undo(state, claim, done).await;
            return Err(error);
        }
    };
    let location = parts.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let answer = Answer { status: status.as_u16(), location, body: &String::from_utf8_lossy(&body) };
    match keys.finish(claim, done, answer).await? {
        true => Ok(Response::from_parts(parts, Body::from(body))),
        false => Err(in_progress()),
    }
}

/// An answer that is there as a whole and can be kept.
async fn whole(body: Body) -> Result<Bytes, ApiError> {
    let longest = u64::try_from(LARGEST_ANSWER).unwrap_or(u64::MAX);
    if body.size_hint().upper().is_none_or(|size| size > longest) {
        return Err(ApiError::internal(
            "an answer too large or too slow to be kept under its Idempotency-Key",
        ));
    }
    to_bytes(body, LARGEST_ANSWER).await.map_err(ApiError::internal)
}

/// Undoes a request that failed, and gives its key back.
async fn undo(state: &ApiState, claim: &Claim, done: Option<Transaction>) {
    drop(done);
    if let Err(error) = state.services.idempotency.release(claim, None).await {
        tracing::warn!(%error, "an idempotency key was not given back; a repeat takes it over");
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
