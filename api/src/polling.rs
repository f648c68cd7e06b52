//! The fast path of polls that find nothing new, which are most requests:
//! `GET /api/jobs/{id}` with `If-None-Match`, where this process has the token and the
//! unchanged job in its caches. They are answered before any other middleware, without a
//! future, a query or a call to Redis, with the same headers as any other answer. All other
//! requests go to the router.

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
    extract::if_none_match,
    middleware::{authentication, rate_limit, security_headers, telemetry},
    policy::RoutePolicy,
    request_id,
    routes::jobs,
    state::ApiState,
};

/// The route whose polls are answered here.
pub(crate) const PATTERN: &str = "/api/jobs/{id}";
/// Room for all headers of an answer.
const CAPACITY: usize = 24;

const PREFIX: &str = "/api/jobs/";

/// Headers that only the router handles.
const UNSUPPORTED: [HeaderName; 4] = [
    header::ORIGIN,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("traceparent"),
];

/// The layer of the fast path.
#[derive(Clone)]
pub(crate) struct JobPollLayer {
    state: ApiState,
    /// Its only limit is [`Limit::Requests`](crate::policy::Limit::Requests).
    policy: RoutePolicy,
    /// The headers of every answer to a request that is not cross-origin.
    headers: Arc<HeaderMap>,
}

impl JobPollLayer {
    /// The layer for a route of this policy; `cors` is the layer of all other answers.
    pub(crate) fn new(state: &ApiState, cors: &CorsLayer, policy: RoutePolicy) -> Self {
        let plain = service_fn(|_: axum::http::Request<()>| ready(Ok::<_, Infallible>(Response::new(()))));
        let answer = cors.layer(plain).oneshot(axum::http::Request::new(())).now_or_never();
        let mut headers = match answer {
            Some(Ok(answer)) => answer.into_parts().0.headers,
            _ => HeaderMap::new(),
        };
        security_headers::add(state, &mut headers);
        Self { state: state.clone(), policy, headers: Arc::new(headers) }
    }

    /// 304 where the caches prove that nothing has changed.
    fn try_answer(&self, request: &Request) -> Option<Response> {
        let started = Instant::now();
        let pattern = request.extensions().get::<MatchedPath>()?.as_str();
        if pattern != PATTERN || !is_plain_poll(request) {
            return None;
        }
        let path = request.uri().path();
        let id = JobId(Uuid::try_parse(path.strip_prefix(PREFIX)?).ok()?);
        let services = &self.state.services;
        let who =
            services.foundation.identity.find_cached(authentication::bearer_token(request.headers())?)?;
        if authentication::scope_refusal(&who.credential, &self.policy).is_some() {
            return None;
        }
        let head = services.queue.find_cached_job(id, Some(who.user.id))?;
        if !if_none_match(request.headers(), &jobs::etag(head.revision)) {
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
        jobs::add_poll_headers(headers, head, services.queue.now());
        let request_id = request_id::from_headers(request.headers());
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            headers.insert(request_id::HEADER, value);
        }
        let kind = ("GET", pattern);
        telemetry::record_untraced(&self.state.meters, kind, &request_id, StatusCode::NOT_MODIFIED, started);
        Some(response)
    }
}

fn is_plain_poll(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::GET
        && request.uri().query().is_none()
        && request.body().is_end_stream()
        && headers.contains_key(header::IF_NONE_MATCH)
        && request.extensions().get::<HeadFault>().is_none()
        && !UNSUPPORTED.iter().any(|name| headers.contains_key(name))
}

impl<S> Layer<S> for JobPollLayer {
    type Service = JobPollService<S>;

    fn layer(&self, inner: S) -> JobPollService<S> {
        JobPollService { layer: self.clone(), inner: Arc::new(inner) }
    }
}

/// The service behind the layer. A router clones its services for each request: the inner
/// one is cloned only for requests that leave the fast path.
pub(crate) struct JobPollService<S> {
    layer: JobPollLayer,
    inner: Arc<S>,
}

impl<S> Clone for JobPollService<S> {
    fn clone(&self) -> Self {
        Self { layer: self.layer.clone(), inner: self.inner.clone() }
    }
}

impl<S> Service<Request> for JobPollService<S>
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
        match self.layer.try_answer(&request) {
            Some(response) => Either::Left(ready(Ok(response))),
            None => Either::Right(S::clone(&self.inner).oneshot(request).boxed()),
        }
    }
}
