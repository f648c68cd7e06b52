//! Retries requests whose transaction was rolled back by a serialization failure or a
//! deadlock (SQLSTATE 40001 and 40P01).
//!
//! A request is retried as a whole, and only where it has committed nothing: no part of it
//! is done twice. Where the database has no conflicts, nothing of the request is kept.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use atelier_queue::{Queue, count_commits};
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::request::Parts,
    middleware::Next,
    response::Response,
};
use futures::{Stream, StreamExt};

use crate::error::Conflicted;

/// The longest pause before each retry. Each pause is random, so that two requests in
/// conflict do not conflict again.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(40),
    Duration::from_millis(160),
    Duration::from_millis(640),
];

/// Runs the request, and retries it after a conflict.
pub(crate) async fn run(queue: &Queue, request: Request, next: Next) -> Response {
    if request.method().is_safe() || !queue.may_conflict() {
        return next.run(request).await;
    }
    run_recorded(request, next).await
}

/// [`run`] for a request whose body has been read.
pub(crate) async fn run_read(queue: &Queue, parts: Parts, body: Bytes, next: Next) -> Response {
    if !queue.may_conflict() {
        return next.run(Request::from_parts(parts, Body::from(body))).await;
    }
    let first = Body::from(body.clone());
    attempt(parts, first, move || body.clone(), next).await
}

async fn run_recorded(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let copy = BodyCopy::default();
    let body = if body.is_end_stream() { body } else { Body::from_stream(copy.record(body)) };
    attempt(parts, body, move || copy.joined(), next).await
}

/// Runs the request with its body, and after a conflict with the body that `again` makes.
async fn attempt(parts: Parts, mut body: Body, again: impl Fn() -> Bytes, next: Next) -> Response {
    for pause in PAUSES {
        let request = Request::from_parts(parts.clone(), body);
        let (answer, commits) = count_commits(next.clone().run(request)).await;
        if commits > 0 || answer.extensions().get::<Conflicted>().is_none() {
            return answer;
        }
        body = Body::from(again());
        tokio::time::sleep(pause.mul_f64(rand::random())).await;
    }
    next.run(Request::from_parts(parts, body)).await
}

/// What was read of a body. A handler reads all of it before it begins a transaction.
#[derive(Clone, Default)]
struct BodyCopy(Arc<Mutex<Vec<Bytes>>>);

impl BodyCopy {
    fn record(&self, body: Body) -> impl Stream<Item = Result<Bytes, axum::Error>> + use<> {
        let copy = self.clone();
        body.into_data_stream().inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                copy.0.lock().unwrap_or_else(PoisonError::into_inner).push(chunk.clone());
            }
        })
    }

    fn joined(&self) -> Bytes {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).concat().into()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::{
        Router, body::to_bytes, extract::State, http::StatusCode, middleware::from_fn,
        response::IntoResponse, routing::post,
    };
    use futures::stream;
    use tower::ServiceExt;

    use super::*;

    /// Answers so many times that the request lost a conflict.
    async fn echo(State(left): State<Arc<AtomicUsize>>, body: Bytes) -> Response {
        let lost = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        let mut answer = match lost {
            Ok(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Err(_) => body.into_response(),
        };
        if lost.is_ok() {
            answer.extensions_mut().insert(Conflicted);
        }
        answer
    }

    async fn ask(times: usize) -> (StatusCode, Bytes) {
        let app = Router::new()
            .route("/", post(echo))
            .layer(from_fn(run_recorded))
            .with_state(Arc::new(AtomicUsize::new(times)));
        let pieces = stream::iter([Ok::<_, axum::Error>("first, "), Ok("second")]);
        let request = Request::post("/").body(Body::from_stream(pieces)).expect("a request");
        let answer = app.oneshot(request).await.expect("answered");
        (answer.status(), to_bytes(answer.into_body(), 1_000).await.expect("a body"))
    }

    #[tokio::test]
    async fn a_request_that_lost_is_retried_with_its_whole_body() {
        for times in [0, 1, PAUSES.len()] {
            assert_eq!(ask(times).await, (StatusCode::OK, Bytes::from_static(b"first, second")), "{times}");
        }
    }

    #[tokio::test]
    async fn a_request_that_always_loses_is_answered() {
        assert_eq!(ask(PAUSES.len() + 1).await.0, StatusCode::SERVICE_UNAVAILABLE);
    }
}
