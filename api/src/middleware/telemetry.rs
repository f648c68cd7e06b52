//! A span, a log line and a measurement for every request. Paths are labelled by the
//! pattern of the route, so that ids do not become labels.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::StatusCode,
    response::Response,
};
use metrics::Gauge;
use tracing::{Instrument, Level, Span, field::Empty};

use crate::{request_id, state::RequestMeters};

const TRACE_PARENT: &str = "traceparent";

const UNMATCHED: &str = "unmatched";

/// Traces, measures and logs the request.
pub(crate) async fn apply<F: Future<Output = Response>>(
    meters: &RequestMeters,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let method = method_label(request.method().as_str());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let path = matched.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    let request_id = request_id::current().unwrap_or_default();
    let span = tracing::info_span!(
        "request",
        method,
        path,
        request_id,
        status = Empty,
        user_id = Empty,
        client = Empty
    );
    if let Some(parent) = request.headers().get(TRACE_PARENT).and_then(|parent| parent.to_str().ok()) {
        atelier_ops::trace::set_parent(&span, parent);
    }
    let started = Instant::now();
    let guard = InFlight::begin(&meters.in_flight);
    let response = next(request).instrument(span.clone()).await;
    drop(guard);
    log(meters, &span, (method, path), response.status(), started);
    response
}

/// Measures and logs a request that was answered without a span.
pub(crate) fn record_untraced(
    meters: &RequestMeters,
    (method, path): (&'static str, &str),
    request_id: &str,
    status: StatusCode,
    started: Instant,
) {
    if tracing::event_enabled!(Level::INFO) {
        let span = tracing::info_span!("request", method, path, request_id, status = Empty);
        log(meters, &span, (method, path), status, started);
    } else {
        // Nobody would see the span.
        meters.record(method, path, status.as_u16(), started.elapsed().as_secs_f64());
    }
}

/// Records and logs the answer to a request.
fn log(
    meters: &RequestMeters,
    span: &Span,
    (method, path): (&'static str, &str),
    status: StatusCode,
    started: Instant,
) {
    let (elapsed, status) = (started.elapsed(), status.as_u16());
    span.record("status", status);
    meters.record(method, path, status, elapsed.as_secs_f64());
    let _entered = span.enter();
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    if is_probe(path) {
        tracing::debug!(status, millis, "answered");
    } else {
        tracing::info!(status, millis, "answered");
    }
}

/// A request in flight, counted until it is dropped, also where the client disconnects.
struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    fn begin(gauge: &'a Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// The label of a method; unknown ones share a label.
fn method_label(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("OTHER")
}

fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_share_a_label() {
        assert_eq!(method_label("GET"), "GET");
        assert_eq!(method_label("BREW"), "OTHER");
    }
}
