//! Requests to a server on this machine.

use std::{collections::BTreeMap, sync::Arc};

use atelier_entities::{RunId, UserId};
use atelier_foundation::testing::{Fixture, options};
use atelier_providers::llm::fake::ScriptedModel;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, RawQuery},
    http::{HeaderMap, Method as SentMethod, StatusCode},
    response::Redirect,
    routing::{any, get},
};

use super::*;
use crate::{
    expression::Redactor, graph::node_type::read_config, integrations::Credentials, nodes::Services,
};

mod credentials;

/// Answers with what it got.
async fn echo(method: SentMethod, RawQuery(query): RawQuery, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let headers: BTreeMap<String, String> =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Json(json!({"method": method.as_str(), "query": query, "headers": headers, "body": body}))
}

/// Whether a bearer token of the expected length came.
async fn check(Query(query): Query<BTreeMap<String, String>>, headers: HeaderMap) -> Json<bool> {
    let sent = headers.get("authorization").map(|value| value.len().to_string());
    Json(sent == query.get("expects").cloned())
}

fn router() -> Router {
    let headers = || async {
        ([("set-cookie", "a=b"), ("x-ratelimit-left", "3"), ("etag", "v1"), ("x-inner", "no")], "text")
    };
    let busy = || async { (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], "slow\n down, KEY-abc") };
    let broken = || async { ([("content-type", "application/json")], "{\"a\": ") };
    let problem = || async { ([("content-type", "application/problem+json; charset=utf-8")], "{\"a\": 1}") };
    Router::new()
        .route("/echo", any(echo))
        .route("/headers", get(headers))
        .route("/busy", get(busy))
        .route("/broken", get(broken))
        .route("/problem", get(problem))
        .route("/bytes", get(|| async { vec![0xff_u8, 0xfe] }))
        .route("/empty", get(|| async { StatusCode::NO_CONTENT }))
        .route("/check", get(check))
        .route("/to", get(|Query(query): Query<BTreeMap<String, String>>| async move { Redirect::temporary(&query["to"]) }))
        .route("/away", get(|| async { Redirect::temporary("/problem") }))
        .route("/large", get(|| async { "x".repeat(10 * 1024 * 1024 + 1) }))
}

/// A server, and a client that may reach it.
struct Net {
    base: String,
    fixture: Fixture,
    http: GuardedClient,
    owner: UserId,
}

impl Net {
    async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router()).await });
        let options = HttpOptions { allow_private_addresses: true, ..HttpOptions::default() };
        let fixture = Fixture::new().await;
        let owner = fixture.register("ada@example.org").await.id;
        Self { base, fixture, http: client(options).unwrap(), owner }
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(self.fixture.queue().clone(), options().key_ring, self.http.clone())
    }

    async fn act(&self, mut config: Value) -> Result<Value, NodeFailure> {
        if let Some(path) = config["url"].as_str().filter(|url| url.starts_with('/')) {
            config["url"] = format!("{}{path}", self.base).into();
        }
        let config: HttpRequest = read_config(config.as_object().unwrap().clone()).unwrap();
        let services = Services {
            queue: self.fixture.queue().clone(),
            http: self.http.clone(),
            model: Arc::new(ScriptedModel::new([])),
            credentials: self.credentials(),
        };
        let secret = secrecy::SecretString::from("KEY-abc");
        let call = Call {
            services: &services,
            run_id: RunId::new(),
            owner: self.owner,
            idempotency_key: "run:/node/0.0".to_owned(),
            redactor: &Redactor::new([&secret]).unwrap(),
        };
        match config.act(&call).await {
            Ok(NodeOutput::Value(value)) => Ok(value),
            Ok(other) => panic!("{other:?}"),
            Err(AttemptError::Failed(failure)) => Err(failure),
            Err(AttemptError::Again(error)) => panic!("{error:?}"),
        }
    }

    /// What the server got.
    async fn sent(&self, config: Value) -> Value {
        let answer = self.act(config).await.unwrap();
        assert_eq!((&answer["status"], &answer["body_type"]), (&json!(200), &json!("json")));
        answer["body"].clone()
    }
}

#[tokio::test]
async fn a_request_is_made_of_its_fields() {
    let net = Net::new().await;
    let sent = net
        .sent(json!({
            "method": "POST", "url": "/echo?a=1", "query": {"q": "ü & é", "list": [1, null, true], "none": null},
            "headers": {"X-Source": "atelier", "x-number": 5, "x-none": null}, "body": {"n": [1, "ß"]},
        }))
        .await;
    assert_eq!(sent["method"], "POST");
    assert_eq!(sent["query"], "a=1&list=1&list=true&q=%C3%BC+%26+%C3%A9");
    assert_eq!(sent["body"], r#"{"n":[1,"ß"]}"#);
    for (name, value) in [
        ("x-source", "atelier"),
        ("x-number", "5"),
        ("content-type", "application/json"),
        ("idempotency-key", "run:/node/0.0"),
        ("user-agent", "Atelier-Workflow/1"),
    ] {
        assert_eq!(sent["headers"][name], value, "{name}");
    }
    assert_eq!(sent["headers"].get("x-none"), None);
}

#[tokio::test]
async fn only_requests_that_change_something_carry_a_key_unless_the_config_sets_one() {
    let net = Net::new().await;
    assert_eq!(net.sent(json!({"url": "/echo"})).await["headers"].get("idempotency-key"), None);
    for method in ["PUT", "PATCH", "DELETE"] {
        let sent = net.sent(json!({"url": "/echo", "method": method})).await;
        assert_eq!(sent["headers"]["idempotency-key"], "run:/node/0.0", "{method}");
    }
    let own = json!({"url": "/echo", "method": "POST", "headers": {"Idempotency-Key": "mine"}});
    assert_eq!(net.sent(own).await["headers"]["idempotency-key"], "mine");
}

#[tokio::test]
async fn a_body_may_be_a_form_or_a_text() {
    let net = Net::new().await;
    let of = |body: Value, format: &str| json!({"url": "/echo", "method": "POST", "body": body, "body_format": format});
    let form = net.sent(of(json!({"a": "1 2", "b": [true, "é"]}), "form")).await;
    assert_eq!(form["body"], "a=1+2&b=true&b=%C3%A9");
    assert_eq!(form["headers"]["content-type"], "application/x-www-form-urlencoded");
    let text = net.sent(of(json!("plain"), "text")).await;
    assert_eq!(
        (&text["body"], &text["headers"]["content-type"]),
        (&json!("plain"), &json!("text/plain; charset=utf-8"))
    );
    for (body, format) in [(json!([1]), "form"), (json!({"a": 1}), "text"), (json!({"a": {"b": 1}}), "form")]
    {
        assert_eq!(net.act(of(body, format)).await.unwrap_err().code, "CONFIG_INVALID");
    }
}

#[tokio::test]
async fn a_body_is_read_as_what_it_is() {
    let net = Net::new().await;
    for (path, body_type, body) in [
        ("/problem", "json", json!({"a": 1})),
        ("/broken", "text", json!("{\"a\": ")),
        ("/headers", "text", json!("text")),
        ("/bytes", "base64", json!("//4=")),
        ("/empty", "empty", json!(null)),
        ("/away", "json", json!({"a": 1})),
    ] {
        let answer = net.act(json!({"url": path})).await.unwrap();
        assert_eq!((&answer["body_type"], &answer["body"]), (&json!(body_type), &body), "{path}");
    }
}

#[tokio::test]
async fn only_some_headers_are_given_on() {
    let answer = Net::new().await.act(json!({"url": "/headers"})).await.unwrap();
    let headers = answer["headers"].as_object().unwrap();
    assert_eq!((&headers["x-ratelimit-left"], &headers["etag"]), (&json!("3"), &json!("v1")));
    assert!(!headers.contains_key("set-cookie") && !headers.contains_key("x-inner"));
}

#[tokio::test]
async fn a_status_of_400_and_above_fails_with_the_pause_that_is_asked_for() {
    let net = Net::new().await;
    let failure = net.act(json!({"url": "/busy"})).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.status, failure.retryable), ("HTTP_STATUS", Some(429), None));
    assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(failure.message, "The server answered 429: slow down, [secret]");
    let answer = net.act(json!({"url": "/busy", "fail_on_status": false})).await.unwrap();
    assert_eq!((&answer["status"], &answer["body"]), (&json!(429), &json!("slow\n down, [secret]")));
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused() {
    let failure = Net::new().await.act(json!({"url": "/large"})).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("RESPONSE_TOO_LARGE", Some(false)));
}

#[tokio::test]
async fn what_may_not_be_sent_is_refused_by_its_place() {
    let net = Net::new().await;
    for (config, message) in [
        (json!({"url": "nowhere"}), "/url: must be an address such as https://example.com"),
        (json!({"url": "ftp://example.com"}), "/url: must begin with http:// or https://"),
        (json!({"url": "/echo", "query": {"a": {"b": 1}}}), "/query/a: must be a text, not an object"),
        (
            json!({"url": "/echo", "headers": {"a": "b\r\nc: d"}}),
            "/headers/a: must not hold control characters",
        ),
        (json!({"url": "/echo", "headers": {"a": [1]}}), "/headers/a: must be one value"),
    ] {
        let failure = net.act(config).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.message.as_str()), ("CONFIG_INVALID", message));
    }
}

#[tokio::test]
async fn private_addresses_are_forbidden_unless_the_operator_opens_them() {
    let mut net = Net::new().await;
    net.http = client(HttpOptions::default()).unwrap();
    let failure = net.act(json!({"url": "/echo"})).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("ADDRESS_FORBIDDEN", Some(false)));
    let failure = net.act(json!({"url": "https://example.com:22/"})).await.unwrap_err();
    assert_eq!(failure.code, "ADDRESS_FORBIDDEN");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_worth_another_attempt() {
    let mut net = Net::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    net.base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let failure = net.act(json!({"url": "/echo"})).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("CONNECTION_FAILED", Some(true)));
}
