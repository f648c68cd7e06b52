//! A span, a log line and a measurement for every request. Paths are told by the
//! route's pattern, so that ids do not become labels.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use metrics::{gauge, histogram};
use tracing::{Instrument, field::Empty};

use super::request_id;
use crate::metrics::{IN_FLIGHT, REQUEST_DURATION};

const TRACE_PARENT: &str = "traceparent";

/// Traces, measures and logs the request.
pub(crate) async fn apply(request: Request, next: Next) -> Response {
    let method = method_label(request.method().as_str());
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let request_id = request_id::current().unwrap_or_default();
    let span = tracing::info_span!("request", method, path, request_id, status = Empty);
    if let Some(parent) = request.headers().get(TRACE_PARENT).and_then(|parent| parent.to_str().ok()) {
        atelier_ops::trace::set_parent(&span, parent);
    }
    let started = Instant::now();
    let guard = InFlight::begin();
    let response = next.run(request).instrument(span.clone()).await;
    drop(guard);
    let (elapsed, status) = (started.elapsed(), response.status().as_u16());
    span.record("status", status);
    let labels = [("method", method.to_owned()), ("path", path.clone()), ("status", status.to_string())];
    histogram!(REQUEST_DURATION, &labels).record(elapsed.as_secs_f64());
    let _entered = span.enter();
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    if is_probe(&path) {
        tracing::debug!(status, millis, "answered");
    } else {
        tracing::info!(status, millis, "answered");
    }
    response
}

/// Counts itself as a request in flight for as long as it lives, also where the
/// client goes away.
struct InFlight;

impl InFlight {
    fn begin() -> Self {
        gauge!(IN_FLIGHT).increment(1);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1);
    }
}

/// Methods that clients make up share one label.
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
    fn made_up_methods_make_no_labels() {
        assert_eq!(method_label("GET"), "GET");
        assert_eq!(method_label("BREW"), "OTHER");
    }
}
