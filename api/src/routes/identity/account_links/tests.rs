use serde_json::{Value, json};

use crate::testing::{LIMITS, TestApi};

#[tokio::test]
async fn a_token_that_is_not_ours_is_refused() {
    let api = TestApi::start(LIMITS).await;
    for (path, body) in [
        ("/api/auth/verify-email", json!({"token": "x".repeat(43)})),
        ("/api/auth/verify-email", json!({"token": ""})),
        ("/api/auth/reset-password", json!({"token": "x".repeat(43), "new_password": "another horse"})),
    ] {
        let answer = api.call("POST", path, "", body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (400, &"LINK_INVALID".into()), "{path}");
    }
    let weak = json!({"token": "x".repeat(43), "new_password": "short"});
    let answer = api.call("POST", "/api/auth/reset-password", "", weak).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body["details"]["new_password"].is_string(), "{}", answer.body);
}

#[tokio::test]
async fn a_known_and_an_unknown_address_get_the_same_answer() {
    let api = TestApi::start(LIMITS).await;
    api.register("ada@example.org").await;
    for path in ["/api/auth/forgot-password", "/api/auth/resend-verification"] {
        let mut answers = Vec::new();
        for email in ["ada@example.org", "nobody@example.org"] {
            let answer = api.call("POST", path, "", json!({"email": email})).await;
            let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            answers.push((answer.status, answer.body, names));
        }
        assert_eq!(answers[0], answers[1], "{path}");
        assert_eq!((answers[0].0.as_u16(), &answers[0].1), (200, &json!({"success": true})));
    }
}

#[tokio::test]
async fn an_unproven_address_neither_generates_nor_deploys_where_it_must_be_proven() {
    let api = TestApi::start_strict().await;
    let token = api.register("ada@example.org").await;
    let project = api.create_project(&token).await;

    for path in ["generate", "deploy"] {
        let answer = api.call("POST", &format!("/api/projects/{project}/{path}"), &token, Value::Null).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["code"]),
            (403, &"EMAIL_NOT_VERIFIED".into()),
            "{path}"
        );
    }
    assert_eq!(api.call("GET", "/api/auth/me", &token, Value::Null).await.status, 200);
}
