//! Headers for browsers: allowed origins and restrictions.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::with_header;
use crate::testing::{Answer, LIMITS, TestApi, request};

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let api = TestApi::start(LIMITS).await;
    let token = api.register("ada@example.org").await;
    for (method, path, token, body, status) in [
        ("GET", "/healthz", "", Value::Null, 200),
        ("GET", "/api/auth/me", &token[..], Value::Null, 200),
        ("GET", "/api/users/me/export", &token, Value::Null, 200),
        ("GET", "/api/auth/me", "", Value::Null, 401),
        ("GET", "/api/admin/queues", &token, Value::Null, 403),
        ("GET", "/nowhere", "", Value::Null, 404),
        ("DELETE", "/api/stats", "", Value::Null, 405),
        ("POST", "/api/projects", &token, json!({"title": "x".repeat(20_000)}), 413),
    ] {
        let answer = api.call(method, path, token, body).await;
        assert_eq!(answer.status, status, "{method} {path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("strict-transport-security", "max-age=63072000"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.headers[name], value, "{method} {path}");
        }
        let policy = answer.headers["content-security-policy"].to_str().expect("text");
        assert!(policy.contains("frame-ancestors 'none'"), "{method} {path}: {policy}");
    }
}

fn preflight(origin: &str) -> Request<Body> {
    let asked = request("OPTIONS", "/api/projects", "", Value::Null);
    let asked = with_header(asked, "origin", origin);
    let asked = with_header(asked, "access-control-request-method", "POST");
    with_header(asked, "access-control-request-headers", "authorization,idempotency-key")
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn browsers_call_from_the_listed_origins_alone() {
    let api = TestApi::start(LIMITS).await;

    let listed = api.send(preflight("https://console.example")).await;
    assert_eq!(listed.status, 200);
    assert_eq!(header(&listed, "access-control-allow-origin"), "https://console.example");
    assert!(header(&listed, "access-control-allow-methods").contains("POST"));
    assert!(header(&listed, "access-control-allow-headers").contains("idempotency-key"));
    assert_eq!(header(&listed, "access-control-allow-credentials"), "");
    assert!(header(&listed, "vary").contains("origin"));

    for other in [
        "https://console.example.evil.example",
        "http://console.example",
        "https://console.example:8443",
        "null",
    ] {
        let answer = api.send(preflight(other)).await;
        assert_eq!(header(&answer, "access-control-allow-origin"), "", "{other}");
    }
}
