use serde_json::{Value, json};

use crate::testing::{LIMITS, TestApi, request};

#[tokio::test]
async fn a_person_sees_and_ends_their_own_sign_ins() {
    let api = TestApi::start(LIMITS).await;
    let (here, bob) = (api.register("ada@example.org").await, api.register("bob@example.org").await);
    let body = json!({"email": "ada@example.org", "password": "correct horse"});
    let mut login = request("POST", "/api/auth/login", "", body);
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";
    login.headers_mut().insert("user-agent", firefox.parse().expect("a header"));
    login.headers_mut().insert("x-forwarded-for", "192.0.2.7".parse().expect("a header"));
    let there = api.send(login).await.body["access_token"].as_str().expect("a token").to_owned();

    let listed = api.call("GET", "/api/auth/sessions", &here, Value::Null).await;
    let sessions = listed.body.as_array().expect("a list");
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["current"] == false).expect("the other");
    assert_eq!(
        (&other["device"], &other["address"]),
        (&"Firefox on Linux".into(), &"192.0.2.7".into()),
        "{other}"
    );

    let path = format!("/api/auth/sessions/{}", other["id"].as_str().expect("an id"));
    assert_eq!(api.call("DELETE", &path, &bob, Value::Null).await.status, 404);
    assert_eq!(api.call("GET", "/api/auth/me", &there, Value::Null).await.status, 200);
    assert_eq!(api.call("DELETE", &path, &here, Value::Null).await.status, 200);
    assert_eq!(api.call("GET", "/api/auth/me", &there, Value::Null).await.status, 401);
    assert_eq!(api.call("DELETE", &path, &here, Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_person_ends_all_their_other_sign_ins() {
    let api = TestApi::start(LIMITS).await;
    let (here, bob) = (api.register("ada@example.org").await, api.register("bob@example.org").await);
    let body = json!({"email": "ada@example.org", "password": "correct horse"});
    let there = api.call("POST", "/api/auth/login", "", body).await.body;
    let there = there["access_token"].as_str().expect("a token");

    let ended = api.call("DELETE", "/api/auth/sessions", &here, Value::Null).await;

    assert_eq!((ended.status.as_u16(), &ended.body), (200, &json!({"success": true})));
    for (token, status) in [(here.as_str(), 200), (there, 401), (&bob, 200)] {
        assert_eq!(api.call("GET", "/api/auth/me", token, Value::Null).await.status, status);
    }
}
