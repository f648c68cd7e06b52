//! Webhooks by HTTP. Their tests run where no server answers.

use super::*;

const WEBHOOKS: &str = "/api/v1/automation/webhooks/";

impl TestApi {
    /// Makes a webhook. Returns its address and its secret.
    async fn subscribe(&self, token: &str) -> (String, String) {
        let input = json!({"url": "https://shop.example/hook", "events": ["run.failed", "job.failed"]});
        let made = self.call("POST", WEBHOOKS, token, input).await;
        assert_eq!(made.status, 201, "{}", made.body);
        assert_eq!(made.headers[header::CACHE_CONTROL], "no-store");
        let at = format!("{WEBHOOKS}{}/", made.body["id"].as_str().expect("an id"));
        assert_eq!(made.headers[header::LOCATION], at.as_str());
        (at, made.body["secret"].as_str().expect("a secret").to_owned())
    }
}

#[tokio::test]
async fn a_secret_is_shown_when_it_is_made_and_never_again() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let (at, secret) = api.subscribe(&ada).await;
    assert!(secret.starts_with("whsec_"));

    let read = api.call("GET", &at, &ada, Value::Null).await;
    assert_eq!((&read.body["status"], &read.body["secret"]), (&json!("enabled"), &Value::Null));
    assert_eq!(read.body["events"], json!(["job.failed", "run.failed"]));
    let rotated = api.call("POST", &format!("{at}rotate/"), &ada, Value::Null).await;
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    assert_ne!(rotated.body["secret"], json!(secret));
    let own = json!({"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"});
    let rotated = api.call("POST", &format!("{at}rotate/"), &ada, own.clone()).await;
    assert_eq!(rotated.body["secret"], own["secret"]);
    let listed = api.call("GET", WEBHOOKS, &ada, Value::Null).await;
    assert_eq!((&listed.body["count"], listed.body.to_string().contains("whsec_")), (&json!(1), false));
    assert_eq!(api.call("DELETE", &at, &ada, Value::Null).await.status, 204);
    assert_eq!(api.call("GET", &at, &ada, Value::Null).await.status, 404);
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_place() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let (at, _) = api.subscribe(&ada).await;

    for (input, expected) in [
        (json!({"events": ["run.failed", "run.began"]}), "events.1"),
        (json!({"events": []}), "events"),
        (json!({"url": "https://user@shop.example/"}), "url"),
        (json!({"url": "http://169.254.169.254/"}), "url"),
        (json!({"status": "disabled"}), "status"),
    ] {
        let refused = api.call("PATCH", &at, &ada, input).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert!(refused.body["details"][expected].is_string(), "{}", refused.body);
    }
    let short = json!({"url": "https://shop.example/", "events": ["*"], "secret": "whsec_AAAA"});
    let refused = api.call("POST", WEBHOOKS, &ada, short).await;
    assert!(refused.body["details"]["secret"].is_string() && !refused.body.to_string().contains("AAAA"));
}

#[tokio::test]
async fn a_test_event_is_a_delivery_with_a_job() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let (at, _) = api.subscribe(&ada).await;

    let started = api.call("POST", &format!("{at}ping/"), &ada, Value::Null).await;
    assert_eq!(started.status, 202, "{}", started.body);
    assert_eq!(
        (&started.body["delivery"]["event"], &started.body["job"]["kind"]),
        (&json!("webhook.ping"), &json!("webhook.deliver"))
    );
    let pings = format!("{at}deliveries/?state=pending&event=webhook.ping");
    let listed = api.call("GET", &pings, &ada, Value::Null).await;
    assert_eq!(listed.body["count"], 1, "{}", listed.body);
    let one = format!("{at}deliveries/{}/", listed.body["results"][0]["id"].as_str().expect("an id"));
    let read = api.call("GET", &one, &ada, Value::Null).await;
    assert_eq!((&read.body["payload"]["type"], &read.body["log"]), (&json!("webhook.ping"), &json!([])));
    let again = api.call("POST", &format!("{one}redeliver/"), &ada, Value::Null).await;
    assert_eq!((again.status.as_u16(), &again.body["delivery"]["state"]), (202, &json!("pending")));
    let paused = api.call("PATCH", &at, &ada, json!({"status": "paused"})).await;
    assert_eq!(paused.body["status"], "paused");
    let refused = api.call("POST", &format!("{at}ping/"), &ada, Value::Null).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &json!("WEBHOOK_NOT_ENABLED")));
}
