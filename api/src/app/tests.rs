//! The router with everything on it: what no single piece shows alone.

mod browsers;
mod devices;
mod registration;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::{
    LimitOptions,
    testing::{LIMITS, TestApi, request},
};

const SOME_ID: &str = "0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a";

fn with_header(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().expect("a header"));
    request
}

#[tokio::test]
async fn nothing_is_answered_without_a_token_but_what_is_public() {
    let api = TestApi::start(LIMITS).await;
    let document: Value = serde_json::from_str(crate::openapi_json()).expect("JSON");
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let is_public = operation["security"].as_array().is_some_and(Vec::is_empty);
            let path = path.replace("{id}", SOME_ID).replace("{version}", "1").replace("{queue}", "email");
            let answer = api.call(&method.to_uppercase(), &path, "", Value::Null).await;
            if is_public {
                assert_ne!(answer.status, 405, "{method} {path}");
            } else {
                assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
                assert_eq!(answer.body["code"], "UNAUTHENTICATED");
            }
        }
    }
}

#[tokio::test]
async fn errors_of_the_router_have_the_shape_too() {
    let api = TestApi::start(LIMITS).await;
    let token = api.register("ada@example.org").await;
    let long = "x".repeat(20_000);
    for (method, path, body, status, code) in [
        ("GET", "/nowhere", Value::Null, 404, "NOT_FOUND"),
        ("GET", "/api/nowhere", Value::Null, 404, "NOT_FOUND"),
        ("PATCH", "/api/projects", Value::Null, 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/projects/seven", Value::Null, 400, "INVALID_PATH"),
        ("GET", "/api/projects?page_size=1000", Value::Null, 422, "VALIDATION_FAILED"),
        ("GET", "/api/jobs?status=done", Value::Null, 422, "VALIDATION_FAILED"),
        ("POST", "/api/projects", json!({"title": long}), 413, "PAYLOAD_TOO_LARGE"),
        ("POST", "/api/projects", json!({"title": ""}), 422, "VALIDATION_FAILED"),
        ("POST", "/api/projects", Value::Null, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("GET", "/api/admin/queues", Value::Null, 403, "FORBIDDEN"),
        ("GET", "/preview/nothing/", Value::Null, 404, "NOT_FOUND"),
    ] {
        let answer = api.call(method, path, &token, body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (status, &code.into()), "{method} {path}");
        assert_eq!(answer.body["request_id"], answer.headers["x-request-id"].to_str().expect("text"));
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        if status == 405 {
            assert_eq!(answer.headers["allow"], "GET,HEAD,POST");
        }
    }
}

#[tokio::test]
async fn the_clients_request_id_and_origin_are_kept() {
    let api = TestApi::start(LIMITS).await;
    let plain = || request("GET", "/api/stats", "", Value::Null);
    let mut asked = with_header(plain(), "x-request-id", "from-the-client");
    asked = with_header(asked, "origin", "https://console.example");
    let answer = api.send(asked).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["x-request-id"], "from-the-client");
    assert_eq!(answer.headers["access-control-allow-origin"], "https://console.example");
    assert_eq!(answer.body["users"], "0");

    let answer = api.send(with_header(plain(), "origin", "https://elsewhere.example")).await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn limits_count_by_client_and_say_so() {
    let limits = LimitOptions { requests_per_minute: 3, ..LIMITS };
    let api = TestApi::start(limits).await;
    let from = |address: &str| {
        with_header(request("GET", "/api/stats", "", Value::Null), "x-forwarded-for", address)
    };
    for remaining in ["2", "1", "0"] {
        let answer = api.send(from("192.0.2.1")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["ratelimit-remaining"]),
            (200, &remaining.parse().expect("a header"))
        );
    }
    let answer = api.send(from("192.0.2.1")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (429, &"RATE_LIMITED".into()));
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(api.send(from("192.0.2.2")).await.status, 200);
}

#[tokio::test]
async fn published_sites_have_a_limit_of_their_own_by_address() {
    let api = TestApi::start(LimitOptions { preview_per_minute: 2, ..LIMITS }).await;
    let visit = async |path: &str, address: &str| {
        api.send(with_header(request("GET", path, "", Value::Null), "x-forwarded-for", address)).await
    };
    for path in ["/preview/nobody/", "/preview/nobody/a.css"] {
        assert_eq!(visit(path, "192.0.2.1").await.status, 404);
    }

    let refused = visit("/preview/nobody/", "192.0.2.1").await;

    assert_eq!((refused.status.as_u16(), &refused.body["details"]["limit"]), (429, &"preview".into()));
    assert!(refused.headers.contains_key("retry-after"), "{:?}", refused.headers);
    assert_eq!(visit("/preview/nobody/", "192.0.2.2").await.status, 404);
    assert_eq!(visit("/api/stats", "192.0.2.1").await.status, 200);
}

#[tokio::test]
async fn a_repeated_request_is_done_once() {
    let api = TestApi::start(LIMITS).await;
    let token = api.register("ada@example.org").await;
    let path = format!("/api/projects/{}/generate", api.create_project(&token).await);
    let generate =
        |body: Value, key: &str| with_header(request("POST", &path, &token, body), "idempotency-key", key);

    let first = api.send(generate(json!({"mode": "quick"}), "one")).await;
    assert_eq!(first.status, 202, "{}", first.body);
    let location = first.headers["location"].to_str().expect("text").to_owned();
    assert_eq!(location, format!("/api/jobs/{}", first.body["job"]["id"].as_str().expect("an id")));

    let again = api.send(generate(json!({"mode": "quick"}), "one")).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(
        (&again.headers["location"], &again.headers["idempotency-replayed"]),
        (&first.headers["location"], &"true".parse().expect("a header"))
    );

    let reused = api.send(generate(json!({"mode": "advanced"}), "one")).await;
    assert_eq!((reused.status.as_u16(), &reused.body["code"]), (409, &"IDEMPOTENCY_KEY_REUSED".into()));

    let other = with_header(request("TRACE", &path, &token, json!({})), "idempotency-key", "one");
    assert_eq!(api.send(other).await.status, 405);

    let second = api.send(generate(json!({"mode": "quick"}), "two")).await;
    assert_eq!((second.status.as_u16(), &second.body["code"]), (409, &"GENERATION_IN_PROGRESS".into()));
    assert_eq!(second.body["details"]["location"], location.as_str());

    let other = api.create_project(&token).await;
    let poor = api.call("POST", &format!("/api/projects/{other}/generate"), &token, Value::Null).await;
    assert_eq!((poor.status.as_u16(), &poor.body["code"]), (409, &"INSUFFICIENT_CREDITS".into()));
}

#[tokio::test]
async fn a_job_is_polled_by_its_owner_alone() {
    let api = TestApi::start(LIMITS).await;
    let (ada, bob) = (api.register("ada@example.org").await, api.register("bob@example.org").await);
    let project = api.create_project(&ada).await;
    let started = api.call("POST", &format!("/api/projects/{project}/generate"), &ada, Value::Null).await;
    let location = started.headers["location"].to_str().expect("text").to_owned();

    let job = api.call("GET", &location, &ada, Value::Null).await;
    assert_eq!((job.status.as_u16(), &job.body["status"]), (200, &"available".into()));
    assert!(job.body["why"]["code"].is_string(), "{}", job.body);
    assert_eq!(job.headers["retry-after"], "1");
    let etag = job.headers["etag"].to_str().expect("text");
    let same =
        api.send(with_header(request("GET", &location, &ada, Value::Null), "if-none-match", etag)).await;
    assert_eq!(same.status, 304);

    for path in ["", "/why", "/attempts", "/events"] {
        let answer = api.call("GET", &format!("{location}{path}"), &bob, Value::Null).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(api.call("POST", &format!("{location}/cancel"), &bob, Value::Null).await.status, 404);
    let jobs = api.call("GET", &format!("/api/jobs?project={project}"), &ada, Value::Null).await;
    assert_eq!(
        (jobs.body.as_array().map(Vec::len), &jobs.headers["x-total-count"]),
        (Some(1), &"1".parse().expect("a header"))
    );
    assert_eq!(api.call("GET", &format!("/api/projects/{project}"), &bob, Value::Null).await.status, 404);
}

#[tokio::test]
async fn the_stream_tells_the_end_and_resumes() {
    let api = TestApi::start(LIMITS).await;
    let token = api.register("ada@example.org").await;
    let project = api.create_project(&token).await;
    let started = api.call("POST", &format!("/api/projects/{project}/generate"), &token, Value::Null).await;
    let location = started.headers["location"].to_str().expect("text").to_owned();
    let cancelled = api.call("POST", &format!("{location}/cancel"), &token, Value::Null).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.body["job"]["status"]), (200, &"cancelled".into()));

    let events = api.call("GET", &format!("{location}/events"), &token, Value::Null).await;
    assert_eq!(events.headers["content-type"], "text/event-stream");
    assert_eq!(events.headers["x-accel-buffering"], "no");
    let text = events.body.as_str().expect("events");
    assert!(text.contains("retry: 2000") && text.contains("event: status"), "{text}");
    let last = text.rsplit("event: end").next().expect("an end");
    let id = text.lines().rev().find_map(|line| line.strip_prefix("id: ")).expect("an id");
    assert!(last.contains("\"status\":\"cancelled\""), "{text}");

    let resumed =
        api.call("GET", &format!("{location}/events?last_event_id={id}"), &token, Value::Null).await;
    let text = resumed.body.as_str().expect("events");
    assert!(text.contains("event: end") && !text.contains("event: status"), "{text}");
}

#[tokio::test]
async fn a_stopping_server_ends_its_streams() {
    let api = TestApi::start(LIMITS).await;
    let token = api.register("ada@example.org").await;
    let project = api.create_project(&token).await;
    let started = api.call("POST", &format!("/api/projects/{project}/generate"), &token, Value::Null).await;
    let location = started.headers["location"].to_str().expect("text").to_owned();
    api.shutdown.start();

    let events = api.call("GET", &format!("{location}/events"), &token, Value::Null).await;

    assert!(!events.body.as_str().expect("events").contains("event: end"));
    assert_eq!(api.call("GET", "/readyz", "", Value::Null).await.status, 503);
}

#[tokio::test]
async fn documents_are_served_under_a_policy_of_their_own() {
    let api = TestApi::start(LIMITS).await;
    for path in
        ["/docs", "/docs/", "/docs/swagger-ui-bundle.js", "/redoc", "/redoc/redoc.js", "/redoc/start.js"]
    {
        let answer = api.call("GET", path, "", Value::Null).await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.headers["content-security-policy"].to_str().expect("text");
        assert!(policy.contains("script-src 'self'"), "{path}: {policy}");
    }
    let document = api.call("GET", "/openapi.json", "", Value::Null).await;
    assert_eq!(document.body["openapi"], "3.1.0");
    let redirect = api.call("GET", "/preview/reading-list?x=1", "", Value::Null).await;
    assert_eq!(
        (redirect.status.as_u16(), &redirect.headers["location"]),
        (308, &"/preview/reading-list/?x=1".parse().expect("a header"))
    );
}
