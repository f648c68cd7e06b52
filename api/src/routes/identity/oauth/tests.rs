use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::*;
use crate::testing::{Answer, LIMITS, TestApi, request};

const FRONTEND: &str = "https://app.example/auth/callback#";

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 302, "{}", answer.body);
    answer.headers["location"].to_str().expect("text")
}

/// What the frontend is told.
fn told(answer: &Answer) -> &str {
    location(answer).strip_prefix(FRONTEND).expect("the frontend")
}

fn set_cookie(answer: &Answer) -> &str {
    answer.headers["set-cookie"].to_str().expect("text")
}

/// State and cookie of a sign-in that a browser began.
async fn begin(api: &TestApi, provider: &str) -> (String, String) {
    let answer = api.call("GET", &format!("/api/auth/{provider}/login"), "", Value::Null).await;
    let state = location(&answer).strip_prefix("https://provider.example/authorize?state=");
    let cookie = set_cookie(&answer).split(';').next().expect("a cookie");
    (state.expect("a state").to_owned(), cookie.to_owned())
}

async fn come_back(api: &TestApi, path: &str, cookie: &str) -> Answer {
    let mut request = request("GET", path, "", Value::Null);
    request.headers_mut().insert("cookie", cookie.parse().expect("a header"));
    api.send(request).await
}

#[tokio::test]
async fn a_browser_signs_in_and_ends_at_the_frontend() {
    let api = TestApi::start(LIMITS).await;
    let begun = api.call("GET", "/api/auth/google/login", "", Value::Null).await;
    assert!(set_cookie(&begun).starts_with("__Host-atelier_oauth_"), "{}", set_cookie(&begun));
    assert!(set_cookie(&begun).ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"));
    assert_eq!(
        (&begun.headers["cache-control"], &begun.headers["referrer-policy"]),
        (
            &"no-store".parse::<HeaderValue>().expect("a value"),
            &"no-referrer".parse::<HeaderValue>().expect("a value")
        )
    );

    let (state, cookie) = begin(&api, "google").await;
    let path = format!("/api/auth/google/callback?code=c&state={state}");
    let answer = come_back(&api, &path, &cookie).await;

    let token = told(&answer).strip_prefix("access_token=").and_then(|rest| rest.split('&').next());
    assert!(told(&answer).contains("&refresh_token="));
    assert!(told(&answer).ends_with("&token_type=bearer&expires_in=1800&provider=google"));
    let cookies: Vec<&str> =
        answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().expect("text")).collect();
    assert!(cookies.iter().any(|line| line.contains("=; Path=/; Max-Age=0;")), "{cookies:?}");
    assert!(cookies.iter().any(|line| line.starts_with("__Host-atelier_device=")), "{cookies:?}");
    let me = api.call("GET", "/api/auth/me", token.expect("a token"), Value::Null).await;
    assert_eq!(
        (&me.body["user"]["email"], &me.body["user"]["is_verified"]),
        (&"ada@example.net".into(), &true.into())
    );
    assert_eq!(told(&come_back(&api, &path, &cookie).await), "error=OAUTH_STATE_INVALID&provider=google");
}

#[tokio::test]
async fn without_its_cookie_a_sign_in_does_not_end() {
    let api = TestApi::start(LIMITS).await;
    for cookie in ["", "atelier_oauth=1"] {
        let (state, _) = begin(&api, "google").await;
        let answer =
            come_back(&api, &format!("/api/auth/google/callback?code=c&state={state}"), cookie).await;
        assert_eq!(told(&answer), "error=OAUTH_STATE_INVALID&provider=google");
    }
}

#[tokio::test]
async fn apple_posts_a_form() {
    let api = TestApi::start(LIMITS).await;
    let begun = api.call("GET", "/api/auth/apple/login", "", Value::Null).await;
    assert!(set_cookie(&begun).ends_with("; HttpOnly; SameSite=None; Secure"));
    let (state, cookie) = begin(&api, "apple").await;
    let form = |kind: &'static str| {
        Request::post("/api/auth/apple/callback")
            .header("content-type", kind)
            .header("origin", "https://appleid.apple.com")
            .header("cookie", cookie.clone())
            .body(Body::from(format!("code=c&state={state}")))
            .expect("a request")
    };
    assert_eq!(api.send(form("text/plain")).await.status, 415);

    let answer = api.send(form("application/x-www-form-urlencoded")).await;

    assert!(told(&answer).starts_with("access_token="));
    assert!(told(&answer).ends_with("&provider=apple"));
}

#[tokio::test]
async fn a_client_begins_and_ends_by_itself() {
    let api = TestApi::start(LIMITS).await;
    let mut asked = request("GET", "/api/auth/google/login", "", Value::Null);
    asked.headers_mut().insert("accept", HeaderValue::from_static("application/json"));
    let begun = api.send(asked).await;
    assert_eq!((begun.status.as_u16(), &begun.body["expires_in"]), (200, &600.into()));
    assert!(!begun.headers.contains_key("set-cookie"));
    let state = begun.body["state"].as_str().expect("a state");
    assert!(begun.body["authorization_url"].as_str().expect("an address").contains(state));

    let path = format!("/api/auth/google/callback?code=c%26d&state={state}&iss=i");
    let handed_over = api.call("GET", &path, "", Value::Null).await;
    assert_eq!(told(&handed_over), format!("code=c%26d&state={state}&provider=google&iss=i"));

    let body = json!({"code": "c&d", "state": state, "iss": "i"});
    let end = async |provider: &str| {
        api.call("POST", &format!("/api/auth/oauth/{provider}"), "", body.clone()).await
    };
    let signed_in = end("google").await;
    assert_eq!((signed_in.status.as_u16(), &signed_in.body["token_type"]), (200, &"bearer".into()));
    assert_eq!(signed_in.body["user"]["provider"], "google");
    let again = end("google").await;
    assert_eq!((again.status.as_u16(), &again.body["code"]), (400, &"OAUTH_STATE_INVALID".into()));
}

#[tokio::test]
async fn a_browsers_state_is_not_for_clients() {
    let api = TestApi::start(LIMITS).await;
    let (state, _) = begin(&api, "google").await;

    let answer = api.call("POST", "/api/auth/oauth/google", "", json!({"code": "c", "state": state})).await;

    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (400, &"OAUTH_STATE_INVALID".into()));
}

#[tokio::test]
async fn what_the_provider_refuses_the_frontend_is_told() {
    let api = TestApi::start(LIMITS).await;
    for (error, code) in [
        ("access_denied", "OAUTH_DENIED"),
        ("user_cancelled_authorize", "OAUTH_DENIED"),
        ("server_error", "OAUTH_PROVIDER_UNAVAILABLE"),
        ("%3Cscript%3E&error_description=%23x%26y", "OAUTH_REFUSED"),
    ] {
        let (state, cookie) = begin(&api, "google").await;
        let path = |query: &str| format!("/api/auth/google/callback?state={state}&{query}");
        let answer = come_back(&api, &path(&format!("error={error}")), &cookie).await;
        assert_eq!(told(&answer), format!("error={code}&provider=google"));
        let spent = come_back(&api, &path("code=c"), &cookie).await;
        assert_eq!(told(&spent), "error=OAUTH_STATE_INVALID&provider=google", "{error}");
    }
    for query in ["", "?code=c", "?state=s", "?code=c&state=%C3%A9"] {
        let answer = come_back(&api, &format!("/api/auth/google/callback{query}"), "").await;
        assert_eq!(told(&answer), "error=OAUTH_STATE_INVALID&provider=google", "{query}");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_each_in_its_way() {
    let api = TestApi::start(LIMITS).await;
    let (state, cookie) = begin(&api, "google").await;
    let path = format!("/api/auth/google/callback?code=c&state={state}");
    come_back(&api, &path, &cookie).await;

    let (state, cookie) = begin(&api, "google").await;
    let answer = come_back(&api, &format!("/api/auth/google/callback?code=c&state={state}"), &cookie).await;
    assert_eq!(told(&answer), "error=OAUTH_PROVIDER_UNAVAILABLE&provider=google");

    let mut asked = request("GET", "/api/auth/google/login", "", Value::Null);
    asked.headers_mut().insert("accept", HeaderValue::from_static("application/json"));
    let state = api.send(asked).await.body["state"].as_str().expect("a state").to_owned();
    let answer = api.call("POST", "/api/auth/oauth/google", "", json!({"code": "c", "state": state})).await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (502, &"OAUTH_PROVIDER_UNAVAILABLE".into()));
}

#[tokio::test]
async fn providers_that_are_not_set_up_are_not_there() {
    let api = TestApi::start(LIMITS).await;
    let listed = api.call("GET", "/api/auth/providers", "", Value::Null).await;
    assert_eq!(
        listed.body,
        json!([
            {"name": "google", "login_path": "/api/auth/google/login"},
            {"name": "apple", "login_path": "/api/auth/apple/login"},
        ])
    );
    for (method, path, body) in [
        ("GET", "/api/auth/github/login", Value::Null),
        ("GET", "/api/auth/myspace/login", Value::Null),
        ("GET", "/api/auth/github/callback?code=c&state=s", Value::Null),
        ("POST", "/api/auth/oauth/github", json!({"code": "c", "state": "s"})),
    ] {
        let answer = api.call(method, path, "", body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (404, &"PROVIDER_NOT_CONFIGURED".into()));
    }
}

#[test]
fn browsers_want_pages_and_clients_json() {
    for (accept, json) in [
        ("application/json", true),
        ("application/json;q=0.9, */*;q=0.1", true),
        ("text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8", false),
        ("*/*", false),
        ("", false),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).expect("a header"));
        assert_eq!(wants_json(&headers), json, "{accept}");
    }
}
