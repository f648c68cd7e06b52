use serde_json::{Value, json};

use crate::testing::{Answer, LIMITS, TestApi};

async fn make(api: &TestApi, access_token: &str, scopes: Value) -> Answer {
    let body = json!({"name": "Nightly build", "scopes": scopes, "expires_in_days": 7});
    api.call("POST", "/api/auth/tokens", access_token, body).await
}

async fn made(api: &TestApi, access_token: &str, scopes: Value) -> String {
    let answer = make(api, access_token, scopes).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_token_is_shown_once() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let answer = make(&api, &ada, json!(["write"])).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let token = answer.body["token"].as_str().expect("a token").to_owned();
    assert!(token.starts_with("atl_") && token.len() == 47, "{token}");

    let listed = api.call("GET", "/api/auth/tokens", &token, Value::Null).await;

    assert_eq!(listed.body[0]["scopes"], json!(["read", "write"]));
    assert!(token.starts_with(listed.body[0]["prefix"].as_str().expect("a prefix")));
    assert!(!listed.body.to_string().contains(&token) && listed.body[0].get("token_hash").is_none());
}

#[tokio::test]
async fn scopes_are_kept_to() {
    let api = TestApi::start(LIMITS).await;
    let admin = api.register_admin("ada@example.org").await;
    let reader = made(&api, &admin, json!(["read"])).await;
    let writer = made(&api, &admin, json!(["write"])).await;
    let operator = made(&api, &admin, json!(["read", "admin"])).await;
    let project = json!({"title": "Reading list", "description": "Books", "type": "web_app"});
    for (token, method, path, body, status) in [
        (&reader, "GET", "/api/projects", Value::Null, 200),
        (&reader, "POST", "/api/projects", project.clone(), 403),
        (&reader, "PUT", "/api/users/me", json!({}), 403),
        (&reader, "GET", "/api/admin/queues", Value::Null, 403),
        (&writer, "POST", "/api/projects", project.clone(), 201),
        (&writer, "PUT", "/api/users/me", json!({"full_name": "Ada King"}), 200),
        (&writer, "GET", "/api/admin/queues", Value::Null, 403),
        (&operator, "GET", "/api/admin/queues", Value::Null, 200),
        (&operator, "POST", "/api/admin/queues/email/pause", Value::Null, 403),
    ] {
        let answer = api.call(method, path, token, body).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.body);
        if status == 403 {
            assert_eq!(answer.body["code"], "INSUFFICIENT_SCOPE", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_token_takes_over_no_account() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let token = made(&api, &ada, json!(["write"])).await;
    let change = json!({"current_password": "correct horse", "new_password": "another horse"});
    let id = "0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a";
    for (method, path, body) in [
        ("POST", "/api/auth/tokens".to_owned(), json!({"name": "More", "scopes": ["read"]})),
        ("DELETE", format!("/api/auth/tokens/{id}"), Value::Null),
        ("DELETE", format!("/api/auth/sessions/{id}"), Value::Null),
        ("PUT", "/api/users/me/password".to_owned(), change),
        ("DELETE", "/api/users/me".to_owned(), json!({"password": "correct horse"})),
        ("POST", "/api/auth/logout".to_owned(), Value::Null),
    ] {
        let answer = api.call(method, &path, &token, body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["code"]),
            (403, &"INSUFFICIENT_SCOPE".into()),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_token_is_its_owners_to_delete() {
    let api = TestApi::start(LIMITS).await;
    let (ada, bob) = (api.register("ada@example.org").await, api.register("bob@example.org").await);
    let answer = make(&api, &ada, json!(["read"])).await;
    let token = answer.body["token"].as_str().expect("a token").to_owned();
    let path = format!("/api/auth/tokens/{}", answer.body["api_token"]["id"].as_str().expect("an id"));

    assert_eq!(api.call("DELETE", &path, &bob, Value::Null).await.status, 404);
    assert_eq!(api.call("GET", "/api/auth/me", &token, Value::Null).await.status, 200);
    assert_eq!(api.call("DELETE", &path, &ada, Value::Null).await.status, 200);
    let refused = api.call("GET", "/api/auth/me", &token, Value::Null).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (401, &"INVALID_TOKEN".into()));
}

#[tokio::test]
async fn wrong_input_is_named() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    for (body, field) in [
        (json!({"name": "", "scopes": ["read"]}), "name"),
        (json!({"name": "x", "scopes": []}), "scopes"),
        (json!({"name": "x", "scopes": ["admin"]}), "scopes"),
        (json!({"name": "x", "scopes": ["root"]}), "scopes[0]"),
        (json!({"name": "x", "scopes": ["read"], "expires_in_days": 0}), "expires_in_days"),
        (json!({"name": "x", "scopes": ["read"], "expires_in_days": 367}), "expires_in_days"),
    ] {
        let answer = api.call("POST", "/api/auth/tokens", &ada, body).await;
        assert_eq!(answer.status, 422, "{field}");
        assert!(answer.body["details"][field].is_string(), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_sign_in_of_long_ago_shows_the_password_for_a_token() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    api.services.queue.clock().advance(chrono::TimeDelta::minutes(11));
    for (password, status, code) in [
        (Value::Null, 403, "RECENT_SIGN_IN_REQUIRED"),
        (json!("wrong horse"), 403, "WRONG_PASSWORD"),
        (json!("correct horse"), 201, ""),
    ] {
        let body = json!({"name": "Nightly build", "scopes": ["read"], "password": password});
        let answer = api.call("POST", "/api/auth/tokens", &ada, body).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(answer.body["code"].as_str().unwrap_or_default(), code, "{}", answer.body);
    }
}
