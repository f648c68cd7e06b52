use std::{sync::Arc, time::Duration};

use atelier_entities::ProjectKind;
use atelier_foundation::{Actor, Page, projects::NewProject};
use axum::{
    Extension, Router,
    extract::State,
    middleware::{from_fn, from_fn_with_state},
    routing::post,
};
use serde_json::json;
use tokio::sync::Notify;
use tower::ServiceExt;

use super::*;
use crate::{
    extract::Authenticated,
    middleware::{Operations, around_operations},
    policy::{PolicyTable, RoutePolicy},
    state::ApiOptions,
    testing::{LIMITS, TestApi, request},
};

#[test]
fn the_hash_tells_requests_apart() {
    let uri = |text: &str| text.parse::<Uri>().expect("a URI");
    let first = hash(&Method::POST, &uri("/api/projects"), b"{\"title\":\"x\"}");

    assert_eq!(first, hash(&Method::POST, &uri("/api/projects"), b"{\"title\":\"x\"}"));
    assert_eq!(first.len(), 64);
    for other in [
        hash(&Method::PUT, &uri("/api/projects"), b"{\"title\":\"x\"}"),
        hash(&Method::POST, &uri("/api/projects?x=1"), b"{\"title\":\"x\"}"),
        hash(&Method::POST, &uri("/api/projects"), b"{\"title\":\"y\"}"),
    ] {
        assert_ne!(first, other);
    }
}

#[test]
fn keys_are_bounded() {
    let with = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(value).expect("a header"));
        key(&headers)
    };
    assert_eq!(key(&HeaderMap::new()).expect("none"), None);
    assert_eq!(with(" order-7 ").expect("a key"), Some("order-7".to_owned()));
    assert!(with(" ").is_err());
    assert!(with(&"k".repeat(LONGEST_KEY + 1)).is_err());
}

#[test]
fn a_replay_has_the_same_status_location_and_body() {
    let response = replay(202, Some("/api/jobs/7"), "{}".to_owned());

    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.headers()[header::LOCATION], "/api/jobs/7");
    assert_eq!(response.headers()[REPLAYED_HEADER], "true");
}

/// An API of operations that go wrong after they committed something.
struct Faulty {
    api: TestApi,
    token: String,
    router: Router,
    gate: Arc<Gate>,
}

/// Where a handler waits.
#[derive(Default)]
struct Gate {
    reached: Notify,
    open: Notify,
}

async fn commit(state: &ApiState, bearer: &Bearer) -> Result<(), ApiError> {
    let Bearer::Valid(who) = bearer else { return Err(ApiError::unauthenticated()) };
    let input = NewProject { title: "x".to_owned(), description: "x".to_owned(), kind: ProjectKind::WebApp };
    state.services.foundation.projects.create(&Actor::authenticated(who.clone()), input).await?;
    Ok(())
}

async fn answer(
    State(state): State<ApiState>,
    Extension(bearer): Extension<Bearer>,
    Extension(gate): Extension<Arc<Gate>>,
    request: Request,
) -> Result<Response, ApiError> {
    let kind = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    if kind == "nothing" {
        return Ok(StatusCode::OK.into_response());
    }
    if kind == "waits" {
        gate.reached.notify_one();
        gate.open.notified().await;
    }
    commit(&state, &bearer).await?;
    match kind.as_str() {
        "once" | "waits" => Ok((StatusCode::CREATED, "{}").into_response()),
        "twice" => commit(&state, &bearer).await.map(|()| StatusCode::OK.into_response()),
        "panic" => panic!("after the commit"),
        "failure" => Err(ApiError::internal("after the commit")),
        "refusal" => Err(ApiError::forbidden()),
        "stream" => {
            let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>("x"));
            Ok(Body::from_stream(chunks).into_response())
        }
        "large" => Ok("x".repeat(LARGEST_ANSWER + 1).into_response()),
        _ => Ok(std::future::pending().await),
    }
}

fn router(state: ApiState, gate: Arc<Gate>) -> Router {
    let mut policies = PolicyTable::default();
    let policy = RoutePolicy { keeps_answer: true, ..RoutePolicy::of_method(&Method::POST) };
    policies.insert(Method::POST, "/api/{kind}", policy);
    let operations = Arc::new(Operations { state: state.clone(), policies });
    Router::new()
        .route("/api/{kind}", layer::<Authenticated>(post(answer)))
        .layer(Extension(gate))
        .layer(from_fn_with_state(operations, around_operations))
        .layer(from_fn(|request, next: Next| request_id::assign(request, |request| next.run(request))))
        .with_state(state)
}

impl Faulty {
    async fn start() -> Self {
        let api = TestApi::start(LIMITS).await;
        let token = api.register("ada@example.org").await;
        let gate = Arc::<Gate>::default();
        let router = router(api.state.clone(), gate.clone());
        Self { api, token, router, gate }
    }

    /// Lets requests take so long.
    fn limit(&mut self, request_timeout: Duration) {
        let state = &self.api.state;
        let options = ApiOptions { request_timeout, ..state.options.clone() };
        let (services, limiter) = (state.services.clone(), state.limiter.clone());
        let (operations, shutdown) = (state.operations.clone(), state.shutdown.clone());
        self.api.state = ApiState::new(services, limiter, options, operations, shutdown);
        self.router = router(self.api.state.clone(), self.gate.clone());
    }

    fn request(&self, kind: &str) -> Request {
        let mut request = request("POST", &format!("/api/{kind}"), &self.token, serde_json::Value::Null);
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 4711));
        request.extensions_mut().insert(axum::extract::ConnectInfo(address));
        request.headers_mut().insert(HEADER, HeaderValue::from_static("one"));
        request
    }

    /// Asks under the same key each time; whether it was answered as before.
    async fn ask(&self, kind: &str) -> (u16, bool) {
        let response = self.router.clone().oneshot(self.request(kind)).await.expect("an answer");
        (response.status().as_u16(), response.headers().contains_key(REPLAYED_HEADER))
    }

    async fn count_projects(&self) -> u64 {
        let services = &self.api.services;
        let who = services.foundation.identity.authenticate(&self.token).await.expect("signed in");
        let listed = services
            .foundation
            .projects
            .list(&Actor::authenticated(who.into()), Page { number: 1, size: 1 })
            .await;
        listed.expect("listed").1
    }
}

#[tokio::test]
async fn what_a_request_did_is_there_as_far_as_its_answer_says() {
    for (kind, status, repeated, projects) in [
        ("once", 201, (201, true), 1),
        ("twice", 200, (200, true), 2),
        ("nothing", 200, (200, true), 0),
        ("panic", 500, (500, false), 0),
        ("failure", 500, (500, false), 0),
        // What it wrote is the trace of the refusal, each time.
        ("refusal", 403, (403, false), 2),
        ("stream", 500, (500, false), 0),
        ("large", 500, (500, false), 0),
    ] {
        let faulty = Faulty::start().await;

        assert_eq!(faulty.ask(kind).await, (status, false), "{kind}");
        assert_eq!(faulty.ask(kind).await, repeated, "{kind} again");
        assert_eq!(faulty.count_projects().await, projects, "{kind}");
    }
}

#[tokio::test]
async fn a_request_goes_on_where_its_client_goes_away() {
    let faulty = Faulty::start().await;

    let asking = tokio::spawn(faulty.router.clone().oneshot(faulty.request("waits")));
    faulty.gate.reached.notified().await;
    asking.abort();
    assert_eq!(faulty.ask("waits").await, (409, false));
    faulty.gate.open.notify_one();
    let mut seen = faulty.ask("waits").await;
    while seen.0 == 409 {
        tokio::task::yield_now().await;
        seen = faulty.ask("waits").await;
    }

    assert_eq!(seen, (201, true));
    assert_eq!(faulty.count_projects().await, 1);
}

#[tokio::test]
async fn a_request_that_is_stuck_gives_back_what_it_holds() {
    let mut faulty = Faulty::start().await;
    faulty.limit(Duration::from_secs(1));

    assert_eq!(faulty.ask("stuck").await, (503, false));
    faulty.limit(Duration::from_secs(30));
    assert_eq!(faulty.ask("once").await, (201, false));
    assert_eq!(faulty.count_projects().await, 1);
}

#[tokio::test]
async fn what_is_done_under_a_key_is_answered_as_without() {
    let api = TestApi::start(LIMITS).await;
    let token = api.register_admin("ada@example.org").await;
    let under_key = async |path: &str, body: serde_json::Value| {
        let mut answers = Vec::new();
        for _ in 0..2 {
            let mut request = request("POST", path, &token, body.clone());
            let key = HeaderValue::from_str(path).expect("a key");
            request.headers_mut().insert(HEADER, key);
            answers.push(api.send(request).await);
        }
        let (again, first) = (answers.pop().expect("two"), answers.pop().expect("two"));
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{path}");
        assert!(again.headers.contains_key(REPLAYED_HEADER), "{path}: {}", again.body);
        first
    };
    let project = api.create_project(&token).await;

    let started = under_key(&format!("/api/projects/{project}/generate"), json!({"mode": "quick"})).await;
    assert_eq!(started.status, 202, "{}", started.body);
    let job = started.body["job"]["id"].as_str().expect("an id");
    let cancelled = under_key(&format!("/api/jobs/{job}/cancel"), json!(null)).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.body["job"]["status"]), (200, &json!("cancelled")));
    let retried = under_key(&format!("/api/jobs/{job}/retry"), json!(null)).await;
    assert_eq!((retried.status.as_u16(), &retried.body["job"]["status"]), (202, &json!("available")));
    for (path, body, status) in [
        ("/api/admin/queues/email/pause", json!(null), 200),
        ("/api/admin/queues/email/resume", json!(null), 200),
        ("/api/admin/jobs/cancel", json!({"kind": "email.deliver"}), 202),
    ] {
        let answer = under_key(path, body).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_kept_answer_is_given_to_who_may_still_ask_for_it() {
    let api = TestApi::start(LIMITS).await;
    let (root, ada) = (api.register_admin("root@example.org").await, api.register("ada@example.org").await);
    let eve = api.register_admin("eve@example.org").await;
    let project = api.create_project(&ada).await;
    let answers = async |path: &str, token: &str| {
        let mut request = request("POST", path, token, json!(null));
        request.headers_mut().insert(HEADER, HeaderValue::from_str(path).expect("a key"));
        let answer = api.send(request).await;
        (answer.status.as_u16(), answer.headers.contains_key(REPLAYED_HEADER))
    };
    let generate = format!("/api/projects/{project}/generate");
    assert_eq!(answers(&generate, &ada).await, (202, false));
    let jobs = api.call("GET", "/api/jobs", &ada, json!(null)).await.body;
    let cancel = format!("/api/jobs/{}/cancel", jobs[0]["id"].as_str().expect("an id"));
    let paths = [&*cancel, "/api/admin/queues/email/pause"];
    for path in paths {
        assert_eq!(answers(path, &eve).await, (200, false), "{path}");
        assert_eq!(answers(path, &eve).await, (200, true), "{path}");
    }

    let who = api.services.foundation.identity.authenticate(&eve).await.expect("signed in").user.id;
    let demoted =
        api.call("PUT", &format!("/api/admin/users/{who}"), &root, json!({"is_admin": false})).await;
    assert_eq!(demoted.status, 200, "{}", demoted.body);
    let deleted = api.call("DELETE", &format!("/api/projects/{project}"), &ada, json!(null)).await;
    assert_eq!(deleted.status, 200, "{}", deleted.body);

    assert_eq!(answers(paths[0], &eve).await, (404, false), "another person's job");
    assert_eq!(answers(paths[1], &eve).await, (403, false), "no operator any more");
    assert_eq!(answers(&generate, &ada).await, (404, false), "a project that is gone");
}
