//! Polls that find nothing new, which are most of all requests: `GET /api/jobs/{id}` by
//! somebody and about a job that this process remembers, unchanged. They are answered
//! before any other middleware, without a future, a query or a call to Redis, and look
//! like any other answer. Whatever is unusual about a request goes the long way.

#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use atelier_entities::JobId;
use atelier_ops::connections::HeadFault;
use axum::{
    body::HttpBody,
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{
    FutureExt,
    future::{BoxFuture, Either},
};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;
use uuid::Uuid;

use crate::{
    app::ApiState,
    extract::is_unchanged,
    middleware::{identify, rate_limit, request_id, security_headers, telemetry},
    routes::jobs,
};

const PATTERN: &str = "/api/jobs/{id}";
/// Room for all headers of an answer.
const CAPACITY: usize = 24;

const START: &str = "/api/jobs/";

/// What only the long way understands.
const UNUSUAL: [HeaderName; 4] = [
    header::ORIGIN,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("traceparent"),
];

/// The layer that answers them.
#[derive(Clone)]
pub(crate) struct Polls {
    state: ApiState,
    /// What every answer to a client that is no browser elsewhere has.
    headers: Arc<HeaderMap>,
}

impl Polls {
    /// The layer of this API, whose other answers pass `cors`.
    pub(crate) fn new(state: &ApiState, cors: &CorsLayer) -> Self {
        let plain = service_fn(|_: axum::http::Request<()>| ready(Ok::<_, Infallible>(Response::new(()))));
        let answer = cors.layer(plain).oneshot(axum::http::Request::new(())).now_or_never();
        let mut headers = match answer {
            Some(Ok(answer)) => answer.into_parts().0.headers,
            _ => HeaderMap::new(),
        };
        security_headers::add(state, &mut headers);
        Self { state: state.clone(), headers: Arc::new(headers) }
    }

    /// 304 where that is certain by what is remembered.
    fn answer(&self, request: &Request) -> Option<Response> {
        let started = Instant::now();
        let pattern = request.extensions().get::<MatchedPath>()?.as_str();
        if pattern != PATTERN || !is_usual(request) {
            return None;
        }
        let path = request.uri().path();
        let id = JobId(Uuid::try_parse(path.strip_prefix(START)?).ok()?);
        let services = &self.state.services;
        let who = services.foundation.identity.recall(identify::token(request.headers())?)?;
        if identify::refusal(&who.credential, request.method(), path).is_some() {
            return None;
        }
        let scope = who.job_scope();
        let head = services.queue.recall_job(id, scope)?;
        if !is_unchanged(request.headers(), &jobs::etag(head.revision)) {
            return None;
        }
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        let headers = response.headers_mut();
        headers.reserve(CAPACITY);
        for (name, value) in &*self.headers {
            headers.append(name, value.clone());
        }
        if !rate_limit::try_now(&self.state, who.user.id, headers) {
            return None;
        }
        jobs::tell(headers, head, services.queue.now());
        let request_id = request_id::of(request.headers());
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            headers.insert(request_id::HEADER, value);
        }
        let kind = ("GET", pattern);
        telemetry::note(&self.state.meters, kind, &request_id, StatusCode::NOT_MODIFIED, started);
        Some(response)
    }
}

fn is_usual(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::GET
        && request.uri().query().is_none()
        && request.body().is_end_stream()
        && headers.contains_key(header::IF_NONE_MATCH)
        && request.extensions().get::<HeadFault>().is_none()
        && !UNUSUAL.iter().any(|name| headers.contains_key(name))
}

impl<S> Layer<S> for Polls {
    type Service = Polling<S>;

    fn layer(&self, inner: S) -> Polling<S> {
        Polling { polls: self.clone(), inner: Arc::new(inner) }
    }
}

/// A service behind that layer. A router clones its services for each request: what is
/// behind this one is cloned only for those that go the long way.
pub(crate) struct Polling<S> {
    polls: Polls,
    inner: Arc<S>,
}

impl<S> Clone for Polling<S> {
    fn clone(&self) -> Self {
        Self { polls: self.polls.clone(), inner: self.inner.clone() }
    }
}

impl<S> Service<Request> for Polling<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future =
        Either<Ready<Result<Response, Infallible>>, BoxFuture<'static, Result<Response, Infallible>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.polls.answer(&request) {
            Some(response) => Either::Left(ready(Ok(response))),
            None => Either::Right(S::clone(&self.inner).oneshot(request).boxed()),
        }
    }
}
