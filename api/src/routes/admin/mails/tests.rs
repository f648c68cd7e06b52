use serde_json::{Value, json};

use super::*;
use crate::testing::{Answer, LIMITS, TestApi};

async fn get(api: &TestApi, token: &str, path: &str) -> Answer {
    api.call("GET", &format!("/api/admin/mails{path}"), token, Value::Null).await
}

#[tokio::test]
async fn the_outbox_is_for_administrators() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    for (method, path) in [
        ("GET", ""),
        ("GET", "/0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a"),
        ("GET", "/templates"),
        ("GET", "/templates/welcome/preview"),
        ("POST", "/templates/welcome/test"),
        ("GET", "/suppressions"),
        ("DELETE", "/suppressions/ada@example.org"),
    ] {
        for (token, status) in [("", 401), (ada.as_str(), 403)] {
            let answer = api.call(method, &format!("/api/admin/mails{path}"), token, Value::Null).await;
            assert_eq!(answer.status, status, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_mail_can_be_looked_at() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    let templates = get(&api, &root, "/templates").await.body;
    assert_eq!(templates.as_array().map(Vec::len), Some(api.services.foundation.mail.templates().len()));
    for template in templates.as_array().expect("a list") {
        let name = template["name"].as_str().expect("a name");
        let preview = get(&api, &root, &format!("/templates/{name}/preview?locale=fr")).await;
        assert_eq!(preview.status, 200, "{name}");
        let html = get(&api, &root, &format!("/templates/{name}/preview?locale=fr&format=html")).await;
        assert_eq!(html.body, preview.body["html"], "{name}");
        assert_eq!(html.headers["content-security-policy"], POLICY);
        assert_eq!(html.headers["content-type"], "text/html; charset=utf-8");
        let text = get(&api, &root, &format!("/templates/{name}/preview?locale=fr&format=text")).await;
        assert_eq!(text.body, preview.body["text"], "{name}");
    }
    let english = get(&api, &root, "/templates/welcome/preview").await.body;
    assert_eq!(english["subject"], "Welcome to Atelier");
    for (path, status) in [
        ("/templates/lunch/preview", 404),
        ("/templates/welcome/preview?locale=de", 422),
        ("/templates/welcome/preview?format=pdf", 422),
        ("?status=lost", 422),
        ("/0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a", 404),
    ] {
        assert_eq!(get(&api, &root, path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_test_mail_goes_to_whoever_asks_and_not_too_often() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    let send = async |name: &str, body: Value| {
        api.call("POST", &format!("/api/admin/mails/templates/{name}/test"), &root, body).await
    };

    let sent = send("payment_receipt", json!({"locale": "fr"})).await;
    assert_eq!((sent.status.as_u16(), &sent.body["recipient"]), (202, &json!("root@example.org")));
    let location = sent.headers["location"].to_str().expect("text").to_owned();
    let mail = api.call("GET", &location, &root, Value::Null).await.body;
    assert_eq!(
        (&mail["status"], &mail["locale"], &mail["template"]),
        (&json!("queued"), &json!("fr"), &json!("payment_receipt"))
    );
    assert_eq!(send("lunch", Value::Null).await.status, 404);
    for _ in 0..9 {
        assert_eq!(send("welcome", Value::Null).await.status, 202);
    }
    let refused = send("welcome", Value::Null).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (429, &json!("RATE_LIMITED")));
    assert!(refused.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn mails_are_listed_and_filtered() {
    let api = TestApi::start(LIMITS).await;
    let root = api.register_admin("root@example.org").await;
    api.register("ada@example.org").await;

    let all = get(&api, &root, "?page_size=1").await;
    assert_eq!(
        (all.body.as_array().map(Vec::len), &all.headers["x-total-count"]),
        (Some(1), &HeaderValue::from(3))
    );
    let of_ada = get(&api, &root, "?recipient=Ada@example.org&status=queued&template=welcome").await.body;
    assert_eq!(of_ada.as_array().map(Vec::len), Some(1), "{of_ada}");
    assert_eq!(of_ada[0]["recipient"], "ada@example.org");
    assert_eq!(get(&api, &root, "?status=sent").await.body, json!([]));
    assert_eq!(get(&api, &root, "/suppressions").await.body, json!([]));
    let none = api.call("DELETE", "/api/admin/mails/suppressions/ada@example.org", &root, Value::Null).await;
    assert_eq!((none.status.as_u16(), &none.body["code"]), (404, &json!("NOT_FOUND")));
}
