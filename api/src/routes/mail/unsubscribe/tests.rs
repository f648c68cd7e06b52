use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::*;
use crate::testing::{Answer, LIMITS, TestApi, request};

/// The path of the link in the next mail of a preview's kind, as a person got it.
async fn link(api: &TestApi, user: &str) -> String {
    let id = user.parse().expect("an id");
    let mail = &api.services.foundation.mail;
    let reminder = mail.find_template("daily_reminder").expect("a template");
    mail.unsubscribe_link(id, reminder).expect("a category").replace("https://atelier.example", "")
}

async fn post(api: &TestApi, path: &str, body: &str) -> Answer {
    let request = Request::builder()
        .method("POST")
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()));
    api.send(request.expect("a request")).await
}

async fn me(api: &TestApi, token: &str) -> String {
    let me = api.call("GET", "/api/users/me", token, Value::Null).await;
    me.body["user"]["id"].as_str().expect("an id").to_owned()
}

async fn wanted(api: &TestApi, token: &str) -> Value {
    api.call("GET", "/api/users/me/notifications", token, Value::Null).await.body
}

#[tokio::test]
async fn opening_the_link_asks_and_posting_to_it_does() {
    let api = TestApi::start(LIMITS).await;
    let token = api.register("ada@example.org").await;
    let link = link(&api, &me(&api, &token).await).await;

    let page = api.send(request("GET", &link, "", Value::Null)).await;
    assert_eq!(
        (page.status.as_u16(), &page.headers["content-type"]),
        (200, &"text/html; charset=utf-8".parse().expect("a value"))
    );
    assert_eq!(page.headers["content-security-policy"], POLICY);
    let text = page.body.as_str().expect("a page");
    assert!(text.contains("<form method=\"post\">") && text.contains("your daily screen time"));
    assert!(!text.contains("ada@") && !text.contains("<script"));
    assert_eq!(wanted(&api, &token).await["reminders"], true, "opening changes nothing");

    for body in ["List-Unsubscribe=One-Click", "", "anything"] {
        let done = post(&api, &link, body).await;
        assert_eq!(done.status, 200, "{body}");
        assert!(done.body.as_str().expect("a page").contains("You will get no more mails"));
    }
    let all_but = json!({"reminders": false, "results": true, "alerts": true, "activity": true});
    assert_eq!(wanted(&api, &token).await, all_but);
}

#[tokio::test]
async fn the_page_speaks_the_persons_language() {
    let api = TestApi::start(LIMITS).await;
    let token = api.register("ada@example.org").await;
    let changed = api.call("PUT", "/api/users/me", &token, json!({"locale": "fr"})).await;
    assert_eq!(changed.status, 200);
    let link = link(&api, &me(&api, &token).await).await;

    let page = api.send(request("GET", &link, "", Value::Null)).await;
    assert!(page.body.as_str().expect("a page").contains("<html lang=\"fr\">"));
    let done = post(&api, &link, "").await;
    assert!(done.body.as_str().expect("a page").contains("Vous ne recevrez plus de messages"));
}

#[tokio::test]
async fn a_link_of_nobody_is_refused_and_one_of_somebody_gone_is_not() {
    let api = TestApi::start(LIMITS).await;
    let gone = link(&api, "0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a").await;
    assert_eq!(post(&api, &gone, "").await.status, 200, "it tells nothing of accounts");
    for path in ["/unsubscribe/sample", "/unsubscribe/AQEAAA", "/unsubscribe/%20"] {
        let french = Request::builder().uri(path).header(header::ACCEPT_LANGUAGE, "fr-FR,fr;q=0.9");
        let page = api.send(french.body(Body::empty()).expect("a request")).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.body.as_str().expect("a page").contains("Ce lien n’est pas valable"), "{path}");
        assert_eq!(post(&api, path, "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn people_choose_their_mails() {
    let api = TestApi::start(LIMITS).await;
    let token = api.register("ada@example.org").await;
    let everything = json!({"reminders": true, "results": true, "alerts": true, "activity": true});
    assert_eq!(wanted(&api, &token).await, everything);
    let put = async |body| api.call("PUT", "/api/users/me/notifications", &token, body).await;

    let changed = put(json!({"activity": false, "alerts": false})).await;
    assert_eq!((changed.status.as_u16(), &changed.body["activity"]), (200, &json!(false)));
    assert_eq!(put(json!({"alerts": true})).await.body["activity"], false, "left out, left alone");
    assert_eq!(put(json!({})).await.body["alerts"], true);
    assert_eq!(put(json!({"alerts": "never"})).await.status, 422);
    let nobody = api.call("GET", "/api/users/me/notifications", "", Value::Null).await;
    assert_eq!(nobody.status, 401);
}
