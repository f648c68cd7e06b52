use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use serde_json::Value;

use super::*;
use crate::trace::{TraceParent, current_trace_parent, set_parent};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn settings(log_format: LogFormat, log_filter: &str, otlp_endpoint: &str) -> TelemetrySettings {
    TelemetrySettings {
        log_format,
        log_filter: log_filter.to_owned(),
        otlp_endpoint: otlp_endpoint.to_owned(),
        service_name: "atelier-under-test".to_owned(),
    }
}

/// What `work` logs.
fn logged(settings: &TelemetrySettings, work: impl FnOnce()) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let (subscriber, guard) =
        subscriber(settings, "worker", move || writer.clone(), false).expect("settings");
    tracing::subscriber::with_default(subscriber, work);
    drop(guard);
    lines.text()
}

#[test]
fn json_lines_hold_the_fields_of_all_spans_around() {
    let text = logged(&settings(LogFormat::Json, "info", ""), || {
        let request =
            tracing::info_span!("request", request_id = "r-1", attempt = 1, user = tracing::field::Empty);
        let _request = request.enter();
        request.record("user", "u-1");
        let _job = tracing::info_span!("job", job_id = "j-1", attempt = 2).entered();
        tracing::info!(rows = 3, done = true, ratio = 0.5, error = %"none", "finished \"it\"");
        tracing::debug!("not shown");
    });
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: Value = serde_json::from_str(&text).expect("JSON");
    for (name, value) in [
        ("request_id", Value::from("r-1")),
        ("user", Value::from("u-1")),
        ("job_id", Value::from("j-1")),
        ("attempt", Value::from(2)),
        ("rows", Value::from(3)),
        ("done", Value::from(true)),
        ("ratio", Value::from(0.5)),
        ("error", Value::from("none")),
        ("message", Value::from("finished \"it\"")),
        ("level", Value::from("INFO")),
        ("role", Value::from("worker")),
        ("span", Value::from("job")),
    ] {
        assert_eq!(line[name], value, "{name} in {text}");
    }
    assert!(line["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{text}");
}

#[test]
fn a_fatal_error_is_a_log_line() {
    let text = json_lines::write_line("worker", "atelier", "cannot connect:\n  \"refused\"");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let logged = logged(&settings(LogFormat::Json, "info", ""), || tracing::error!("it"));
    let logged: Value = serde_json::from_str(&logged).expect("JSON");

    assert_eq!(text.lines().count(), 1);
    let names = |line: &Value| line.as_object().map(|line| line.keys().cloned().collect::<Vec<_>>());
    assert_eq!(names(&told), names(&logged));
    assert_eq!((&told["level"], &told["role"]), (&"ERROR".into(), &"worker".into()));
    assert_eq!(told["message"], "cannot connect:\n  \"refused\"");
}

#[test]
fn pretty_lines_are_for_people() {
    let text = logged(&settings(LogFormat::Pretty, "info", ""), || {
        let _request = tracing::info_span!("request", request_id = "r-1").entered();
        tracing::warn!("slow");
    });
    assert!(text.contains("WARN") && text.contains("request_id=\"r-1\"") && text.contains("slow"), "{text}");
}

#[test]
fn a_wrong_filter_is_refused() {
    let Err(error) = subscriber(&settings(LogFormat::Json, "info,=", ""), "worker", io::sink, false) else {
        panic!("the filter was accepted");
    };
    assert!(error.to_string().starts_with("telemetry.log_filter: "), "{error}");
}

#[test]
fn trace_context_is_carried_without_a_collector_whatever_the_logs_show() {
    for filter in ["info", "off"] {
        logged(&settings(LogFormat::Json, filter, ""), || {
            let span = tracing::info_span!("request");
            set_parent(&span, PARENT);
            let parent: TraceParent = span.in_scope(parent_here);
            assert_eq!(parent.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
            assert!(parent.to_string().ends_with("-01"), "the caller's sampling is lost: {parent}");
            assert_ne!(parent.to_string(), PARENT, "the span has an id of its own");
            let child = span.in_scope(|| tracing::info_span!("job").in_scope(parent_here));
            assert_eq!(child.trace_id(), parent.trace_id());
        });
    }
}

#[test]
fn a_span_without_a_parent_starts_a_trace() {
    logged(&settings(LogFormat::Json, "info", ""), || {
        for wrong in ["", "no trace parent"] {
            let span = tracing::info_span!("request");
            set_parent(&span, wrong);
            assert_eq!(span.in_scope(parent_here).trace_id().len(), 32);
        }
        assert_eq!(current_trace_parent(), None);
    });
}

fn parent_here() -> TraceParent {
    let text = current_trace_parent().expect("a span is current");
    text.parse().expect("valid")
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_reach_the_collector_when_the_guard_drops() {
    let (sender, mut received) = tokio::sync::mpsc::unbounded_channel();
    let collect = move |body: Bytes| {
        sender.send(body).expect("the test waits");
        async {}
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}/", listener.local_addr().expect("an address"));
    let router = Router::new().route("/v1/traces", post(collect));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let telemetry = settings(LogFormat::Json, "off", &endpoint);
    let export = move || logged(&telemetry, || tracing::info_span!("generation.run").in_scope(|| {}));
    tokio::task::spawn_blocking(export).await.expect("no panic");
    let body = received.recv().await.expect("spans");
    let has = |text: &str| body.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("generation.run") && has("atelier-under-test") && has("worker"));
    server.abort();
}

#[tokio::test]
async fn an_unavailable_collector_is_harmless() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let telemetry = settings(LogFormat::Json, "info", &endpoint);
    logged(&telemetry, || tracing::info_span!("generation.run").in_scope(|| {}));
}
