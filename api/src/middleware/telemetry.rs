//! A span, a log line and a measurement for every request. Paths are told by the
//! route's pattern, so that ids do not become labels.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request},
    http::StatusCode,
    response::Response,
};
use metrics::{Gauge, Histogram, gauge, histogram};
use tracing::{Instrument, Level, Span, field::Empty};

use super::request_id;
use crate::metrics::{IN_FLIGHT, REQUEST_DURATION};

const TRACE_PARENT: &str = "traceparent";

const UNMATCHED: &str = "unmatched";

/// The recorder's own counters, looked up once each.
pub(crate) struct Meters {
    in_flight: Gauge,
    durations: RwLock<HashMap<Box<str>, Vec<Duration>>>,
}

/// Durations of a path's requests of one kind.
struct Duration {
    method: &'static str,
    status: u16,
    histogram: Histogram,
}

impl Default for Meters {
    fn default() -> Self {
        Self { in_flight: gauge!(IN_FLIGHT), durations: RwLock::default() }
    }
}

impl Meters {
    fn tell(&self, span: &Span, (method, path): (&'static str, &str), status: StatusCode, started: Instant) {
        let (elapsed, status) = (started.elapsed(), status.as_u16());
        span.record("status", status);
        self.record(method, path, status, elapsed.as_secs_f64());
        let _entered = span.enter();
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        if is_probe(path) {
            tracing::debug!(status, millis, "answered");
        } else {
            tracing::info!(status, millis, "answered");
        }
    }

    fn record(&self, method: &'static str, path: &str, status: u16, seconds: f64) {
        let of = |known: &[Duration]| {
            let found = known.iter().find(|known| known.method == method && known.status == status);
            found.map(|found| found.histogram.record(seconds))
        };
        let known = self.durations.read().unwrap_or_else(PoisonError::into_inner);
        if known.get(path).and_then(|known| of(known)).is_some() {
            return;
        }
        drop(known);
        let labels =
            [("method", method.to_owned()), ("path", path.to_owned()), ("status", status.to_string())];
        let histogram = histogram!(REQUEST_DURATION, &labels);
        histogram.record(seconds);
        let mut known = self.durations.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(path.into()).or_default().push(Duration { method, status, histogram });
    }
}

/// Traces, measures and logs the request.
pub(crate) async fn apply<F: Future<Output = Response>>(
    meters: &Meters,
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
    meters.tell(&span, (method, path), response.status(), started);
    response
}

/// The same for a request that was answered before there was anything to trace.
pub(crate) fn note(
    meters: &Meters,
    (method, path): (&'static str, &str),
    request_id: &str,
    status: StatusCode,
    started: Instant,
) {
    if tracing::event_enabled!(Level::INFO) {
        let span = tracing::info_span!("request", method, path, request_id, status = Empty);
        meters.tell(&span, (method, path), status, started);
    } else {
        // Neither the log nor a collector would show it.
        meters.record(method, path, status.as_u16(), started.elapsed().as_secs_f64());
    }
}

/// Counts itself as a request in flight for as long as it lives, also where the
/// client goes away.
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

    #[test]
    fn each_kind_of_answer_is_looked_up_once() {
        let meters = Meters::default();
        for (method, path, status) in [
            ("GET", "/a", 200),
            ("GET", "/a", 200),
            ("GET", "/a", 304),
            ("PUT", "/a", 200),
            ("GET", "/b", 200),
        ] {
            meters.record(method, path, status, 0.1);
        }

        let known = meters.durations.read().expect("nobody panicked");
        assert_eq!((known["/a"].len(), known["/b"].len()), (3, 1));
    }
}
