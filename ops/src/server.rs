//! `/metrics`, `/healthz` and `/readyz`: the same routes in every process.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::future::join_all;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::check::{Check, CheckFault};
use crate::connections::{self, ConnectionLimits, HeadFault};
use crate::metrics::MetricsHandle;
use crate::shutdown::Shutdown;

/// A check that takes longer counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The state of the routes.
#[derive(Clone, Debug)]
pub struct Operations {
    metrics: MetricsHandle,
    checks: Arc<[Check]>,
    shutdown: Shutdown,
}

impl Operations {
    /// The process is ready while every check passes and `shutdown` has not begun.
    #[must_use]
    pub fn new(metrics: MetricsHandle, checks: Vec<Check>, shutdown: Shutdown) -> Self {
        Self { metrics, checks: checks.into(), shutdown }
    }
}

/// The three routes, to be served alone or merged into another router.
pub fn routes<S: Clone + Send + Sync + 'static>(operations: Operations) -> Router<S> {
    Router::new()
        .route("/metrics", get(get_metrics))
        .route("/healthz", get(get_health))
        .route("/readyz", get(get_readiness))
        .with_state(operations)
}

/// Serves the routes on `listener` until the future is dropped. Run it during the drain
/// too, so that probes and the last scrape are answered.
pub async fn serve(listener: TcpListener, operations: Operations, limits: ConnectionLimits) {
    let router = routes::<()>(operations).layer(from_fn(refuse_faults));
    connections::serve(listener, router, limits, CancellationToken::new()).await;
}

async fn refuse_faults(request: Request, next: Next) -> Response {
    match request.extensions().get::<HeadFault>() {
        Some(HeadFault(status)) => (*status, [(header::CONNECTION, "close")]).into_response(),
        None => next.run(request).await,
    }
}

async fn get_metrics(State(operations): State<Operations>) -> Response {
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], operations.metrics.render()).into_response()
}

async fn get_health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn get_readiness(State(operations): State<Operations>) -> Response {
    if operations.shutdown.is_draining() {
        return readiness(StatusCode::SERVICE_UNAVAILABLE, "draining", json!({"checks": {}}));
    }
    let faults = join_all(operations.checks.iter().map(|check| check.fault(CHECK_TIMEOUT))).await;
    let (mut checks, mut reported, mut is_ready) = (Map::new(), Map::new(), true);
    for (check, fault) in operations.checks.iter().zip(faults) {
        let shown = match (&fault, check.is_advisory()) {
            (None, _) => "ok",
            (Some(_), true) => "warning",
            (Some(_), false) => "failed",
        };
        checks.insert(check.name().to_owned(), Value::from(shown));
        is_ready &= fault.is_none() || check.is_advisory();
        if let Some(CheckFault { code, cause, .. }) = fault {
            reported.insert(check.name().to_owned(), json!({"code": code, "cause": cause}));
        }
    }
    let mut body = json!({"checks": checks});
    if !reported.is_empty() {
        body["faults"] = reported.into();
    }
    if is_ready {
        readiness(StatusCode::OK, "ready", body)
    } else {
        readiness(StatusCode::SERVICE_UNAVAILABLE, "unavailable", body)
    }
}

fn readiness(code: StatusCode, status: &str, mut body: Value) -> Response {
    body["status"] = status.into();
    (code, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tower::ServiceExt;

    use super::*;

    fn operations(checks: Vec<Check>) -> (Operations, Shutdown) {
        let shutdown = Shutdown::new(Duration::from_secs(1));
        let metrics = crate::metrics::install("test").expect("a recorder");
        (Operations::new(metrics, checks, shutdown.clone()), shutdown)
    }

    async fn get_json(operations: &Operations, path: &str) -> (u16, Value) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = routes::<()>(operations.clone()).oneshot(request).await.expect("an answer");
        let code = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (code, serde_json::from_slice(&body).expect("JSON"))
    }

    fn database() -> Check {
        Check::new("database", || async { Ok(()) })
    }

    fn redis_away() -> Check {
        let fault = CheckFault::new("READ_ONLY", "it takes no writes");
        Check::new("redis", move || {
            let fault = fault.clone().with_details("redis://:hunter2@cache refused");
            async { Err(fault) }
        })
    }

    #[tokio::test]
    async fn is_ready_while_every_check_passes() {
        let (operations, _) = operations(vec![database()]);
        let answer = get_json(&operations, "/readyz").await;
        assert_eq!(answer, (200, json!({"status": "ready", "checks": {"database": "ok"}})));
    }

    #[tokio::test]
    async fn a_failed_check_shows_its_cause_and_no_details() {
        let (operations, _) = operations(vec![database(), redis_away()]);
        let answer = get_json(&operations, "/readyz").await;
        let checks = json!({"database": "ok", "redis": "failed"});
        let faults = json!({"redis": {"code": "READ_ONLY", "cause": "it takes no writes"}});
        let expected = json!({"status": "unavailable", "checks": checks, "faults": faults});
        assert_eq!(answer, (503, expected));
    }

    #[tokio::test]
    async fn a_failed_advisory_check_is_a_warning() {
        let fault = || CheckFault::new("MAY_EVICT", "it may drop keys");
        let full = || Check::advisory("eviction", move || async move { Err(fault()) });
        let (advised, _) = operations(vec![database(), full()]);
        let answer = get_json(&advised, "/readyz").await;
        let checks = json!({"database": "ok", "eviction": "warning"});
        let faults = json!({"eviction": {"code": "MAY_EVICT", "cause": "it may drop keys"}});
        assert_eq!(answer, (200, json!({"status": "ready", "checks": checks, "faults": faults})));

        let (broken, _) = operations(vec![redis_away(), full()]);
        assert_eq!(get_json(&broken, "/readyz").await.0, 503);
    }

    #[tokio::test]
    async fn a_check_that_hangs_has_failed() {
        let hangs = Check::new("database", std::future::pending);
        let fault = hangs.fault(Duration::ZERO).await;
        assert_eq!(fault.map(|fault| fault.code), Some("NO_ANSWER"));
    }

    #[tokio::test]
    async fn is_healthy_but_not_ready_while_draining() {
        let (operations, shutdown) = operations(vec![database()]);
        shutdown.start();
        assert_eq!(
            get_json(&operations, "/readyz").await,
            (503, json!({"status": "draining", "checks": {}}))
        );
        assert_eq!(get_json(&operations, "/healthz").await, (200, json!({"status": "ok"})));
    }

    #[tokio::test]
    async fn serves_metrics_on_its_own_port() {
        let (operations, _) = operations(Vec::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let long = Duration::from_secs(60);
        let limits = ConnectionLimits { headers: long, idle: long, write: long, connections: 10 };
        let server = tokio::spawn(serve(listener, operations, limits));
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let request = b"GET /metrics HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{answer}");
        assert!(answer.contains("atelier_build_info{"), "{answer}");

        let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request"), "no Host: {answer}");
        server.abort();
    }
}
