use axum::body::Body;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::Value;

use super::*;
use crate::{
    LimitOptions,
    testing::{Answer, LIMITS, TestApi, request},
};

/// A person who polls a job of their own.
struct Poller<'a> {
    api: &'a TestApi,
    token: String,
    job: String,
    etag: String,
}

impl<'a> Poller<'a> {
    async fn new(api: &'a TestApi, email: &str) -> Self {
        let token = api.register(email).await;
        let project = api.create_project(&token).await;
        let path = format!("/api/projects/{project}/generate");
        let started = api.call("POST", &path, &token, Value::Null).await;
        let job = started.body["job"]["id"].as_str().expect("a job").to_owned();
        let shown = api.call("GET", &format!("{PREFIX}{job}"), &token, Value::Null).await;
        let etag = shown.headers["etag"].to_str().expect("text").to_owned();
        Self { api, token, job, etag }
    }

    fn request(&self) -> Request {
        let mut request = request("GET", &format!("{PREFIX}{}", self.job), &self.token, Value::Null);
        request.headers_mut().insert(header::IF_NONE_MATCH, self.etag.parse().expect("a header"));
        request
    }

    async fn poll(&self) -> Answer {
        self.api.send(self.request()).await
    }

    /// Changes the row without the caches: only answers of the fast path stay the same.
    async fn change_row(&self) {
        let db = self.api.services.queue.db();
        let sql =
            format!("UPDATE jobs SET revision = revision + 1 WHERE id = X'{}'", self.job.replace('-', ""));
        let done = db.execute_raw(Statement::from_string(db.get_database_backend(), sql)).await;
        assert_eq!(done.expect("changed").rows_affected(), 1);
    }
}

#[tokio::test]
async fn an_answer_of_the_fast_path_equals_any_other() {
    let api = TestApi::start(LIMITS).await;
    let ada = Poller::new(&api, "ada@example.org").await;
    let mut long = ada.poll().await;
    ada.change_row().await;

    let mut short = ada.poll().await;

    assert_eq!((long.status, short.status), (StatusCode::NOT_MODIFIED, StatusCode::NOT_MODIFIED));
    assert_ne!(long.headers["x-request-id"], short.headers["x-request-id"]);
    assert_ne!(long.headers["ratelimit-remaining"], short.headers["ratelimit-remaining"], "both are counted");
    for name in ["x-request-id", "ratelimit-remaining", "ratelimit"] {
        assert!(long.headers.remove(name).is_some() && short.headers.remove(name).is_some(), "{name}");
    }
    assert_eq!(long.headers, short.headers);
    assert_eq!((&long.body, &short.body), (&Value::from(""), &Value::from("")));
}

/// What makes a request unusual.
type Change = fn(&mut Request);

#[test]
fn only_plain_polls_take_the_fast_path() {
    let changes: [(Change, bool); 7] = [
        (|_| {}, true),
        (|request| *request.method_mut() = Method::HEAD, false),
        (|request| *request.body_mut() = Body::from("x"), false),
        (|request| *request.uri_mut() = "/api/jobs/7?x=1".parse().expect("a URI"), false),
        (|request| drop(request.headers_mut().remove(header::IF_NONE_MATCH)), false),
        (
            |request| drop(request.headers_mut().insert(header::ORIGIN, HeaderValue::from_static("null"))),
            false,
        ),
        (|request| drop(request.headers_mut().insert("traceparent", HeaderValue::from_static("00"))), false),
    ];
    for (number, (change, usual)) in changes.into_iter().enumerate() {
        let mut request = request("GET", "/api/jobs/7", "a token", Value::Null);
        request.headers_mut().insert(header::IF_NONE_MATCH, HeaderValue::from_static("*"));
        change(&mut request);

        assert_eq!(is_plain_poll(&request), usual, "change {number}");
    }
}

#[tokio::test]
async fn cached_jobs_are_shown_only_to_their_owner() {
    let api = TestApi::start(LIMITS).await;
    let (ada, bob) = (Poller::new(&api, "ada@example.org").await, Poller::new(&api, "bob@example.org").await);
    for who in [&ada, &bob, &ada, &bob] {
        assert_eq!(who.poll().await.status, 304);
    }
    let curious = Poller { token: bob.token.clone(), job: ada.job.clone(), ..bob };
    assert_eq!(curious.poll().await.status, 404);
    let nobody = Poller { token: "a.b.c".to_owned(), ..curious };
    assert_eq!(nobody.poll().await.status, 401);

    let out = api.call("POST", "/api/auth/logout", &ada.token, Value::Null).await;

    assert_eq!((out.status, ada.poll().await.status), (StatusCode::OK, StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn who_cancels_a_job_sees_it_at_the_next_poll() {
    let api = TestApi::start(LIMITS).await;
    let ada = Poller::new(&api, "ada@example.org").await;
    assert_eq!(ada.poll().await.status, 304);

    let path = format!("{PREFIX}{}/cancel", ada.job);
    assert_eq!(api.call("POST", &path, &ada.token, Value::Null).await.status, 200);

    let changed = ada.poll().await;
    assert_eq!((changed.status, &changed.body["status"]), (StatusCode::OK, &Value::from("cancelled")));
}

#[tokio::test]
async fn polls_are_counted_and_refused_like_any_other_request() {
    let api = TestApi::start(LimitOptions { requests_per_minute: 10, ..LIMITS }).await;
    let ada = Poller::new(&api, "ada@example.org").await;
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(ada.poll().await.status.as_u16());
    }
    assert_eq!(statuses, [304, 304, 304, 304, 304, 304, 304, 429, 429, 429], "three went before");
}

#[test]
fn the_fast_path_counts_every_limit_of_its_route() {
    let (_, policies) = crate::routes::all().into_parts();

    assert_eq!(policies.find(&Method::GET, PATTERN).limits, [crate::policy::Limit::Requests]);
}
