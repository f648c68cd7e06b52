use serde_json::{Value, json};

use crate::testing::{LIMITS, TestApi, request};

/// Has Ada, who is known at Google as ada@example.net, sign in there; the access token.
async fn come_by_google(api: &TestApi) -> String {
    let begun = {
        let mut begin = request("GET", "/api/auth/google/login", "", Value::Null);
        begin.headers_mut().insert("accept", "application/json".parse().expect("a header"));
        api.send(begin).await
    };
    let body = json!({"code": "c", "state": begun.body["state"]});
    let answer = api.call("POST", "/api/auth/oauth/google", "", body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["access_token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_linked_provider_is_shown_and_removed() {
    let api = TestApi::start(LIMITS).await;
    api.register("ada@example.net").await;
    api.prove("ada@example.net").await;
    let ada = come_by_google(&api).await;
    let listed = async || api.call("GET", "/api/auth/identities", &ada, Value::Null).await.body;
    let linked = listed().await;
    assert_eq!(linked.as_array().map(Vec::len), Some(1), "{linked}");
    assert_eq!((&linked[0]["provider"], &linked[0]["email"]), (&"google".into(), &"ada@example.net".into()));
    assert!(linked[0]["created_at"].is_string() && linked[0]["last_used_at"].is_string());

    for (provider, body, status, code) in [
        ("google", Value::Null, 403, "WRONG_PASSWORD"),
        ("google", json!({"password": "wrong horse"}), 403, "WRONG_PASSWORD"),
        ("apple", json!({"password": "correct horse"}), 404, "NOT_FOUND"),
        ("email", json!({"password": "correct horse"}), 404, "NOT_FOUND"),
    ] {
        let refused = api.call("DELETE", &format!("/api/auth/identities/{provider}"), &ada, body).await;
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (status, &code.into()), "{provider}");
    }
    let password = json!({"password": "correct horse"});
    let removed = api.call("DELETE", "/api/auth/identities/google", &ada, password).await;

    assert_eq!((removed.status.as_u16(), &removed.body), (200, &json!({"success": true})));
    assert_eq!(listed().await, json!([]));
}

#[tokio::test]
async fn the_only_way_in_is_for_an_operator_to_remove() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    let ada = come_by_google(&api).await;
    let last = api.call("DELETE", "/api/auth/identities/google", &ada, Value::Null).await;
    assert_eq!((last.status.as_u16(), &last.body["code"]), (409, &"LAST_WAY_IN".into()));
    let me = api.call("GET", "/api/auth/me", &ada, Value::Null).await;
    let path =
        format!("/api/admin/users/{}/identities/google", me.body["user"]["id"].as_str().expect("an id"));
    assert_eq!(api.call("DELETE", &path, &ada, Value::Null).await.status, 403);

    let removed = api.call("DELETE", &path, &root, Value::Null).await;

    assert_eq!(removed.status, 200, "{}", removed.body);
    assert_eq!(api.call("GET", "/api/auth/me", &ada, Value::Null).await.status, 401, "its sign-ins end");
    assert_eq!(api.call("DELETE", &path, &root, Value::Null).await.status, 404);
}
