//! Integrations by HTTP. Their tests run where no service answers.

use super::*;

const INTEGRATIONS: &str = "/api/v1/automation/integrations/";
const SECRET: &str = "sk-live-0123456789-4F2a";

fn input() -> Value {
    json!({
        "type": "http_bearer", "name": "Shop", "secrets": {"token": SECRET}, "allowed_hosts": ["api.example.com"],
        "settings": {"test_url": "https://api.example.com/me"},
    })
}

impl TestApi {
    async fn integrate(&self, token: &str, input: Value) -> String {
        let answer = self.call("POST", INTEGRATIONS, token, input).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let id = answer.body["id"].as_str().expect("an id").to_owned();
        assert_eq!(answer.headers[header::LOCATION], format!("{INTEGRATIONS}{id}/").as_str());
        id
    }
}

#[tokio::test]
async fn an_integration_shows_that_a_secret_is_set_and_never_the_secret() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let id = api.integrate(&ada, input()).await;
    let at = format!("{INTEGRATIONS}{id}/");

    let read = api.call("GET", &at, &ada, Value::Null).await;
    let secret = &read.body["secrets"]["token"];
    assert_eq!((&secret["set"], &secret["hint"]), (&json!(true), &json!("…4F2a")));
    assert_eq!(read.body["allowed_hosts"], json!(["api.example.com"]));
    assert_eq!((&read.body["last_test"], &read.body["last_used_at"]), (&Value::Null, &Value::Null));
    let renamed = api.call("PATCH", &at, &ada, json!({"name": "New"})).await;
    assert_eq!((&renamed.body["name"], &renamed.body["revision"]), (&json!("New"), &json!(2)));
    assert_eq!(renamed.body["secrets"]["token"]["hint"], "…4F2a");
    let listed = api.call("GET", INTEGRATIONS, &ada, Value::Null).await;
    assert_eq!(listed.body["count"], 1);
    for answer in [&read, &renamed, &listed] {
        assert!(!answer.body.to_string().contains(SECRET));
    }
    assert_eq!(api.call("DELETE", &at, &ada, Value::Null).await.status, 204);
    assert_eq!(api.call("GET", &at, &ada, Value::Null).await.status, 404);
}

#[tokio::test]
async fn null_removes_a_setting_and_a_wrong_field_is_named() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let at = format!("{INTEGRATIONS}{}/", api.integrate(&ada, input()).await);

    let changed = api.call("PATCH", &at, &ada, json!({"settings": {"test_url": null}})).await;
    assert_eq!((changed.status.as_u16(), &changed.body["settings"]), (200, &json!({})));
    let untestable = api.call("POST", &format!("{at}test/"), &ada, Value::Null).await;
    assert_eq!((untestable.status.as_u16(), &untestable.body["code"]), (409, &"TEST_URL_MISSING".into()));
    let refused = api.call("PATCH", &at, &ada, json!({"secrets": {"token": null, "key": "x"}})).await;
    assert_eq!(refused.status, 422);
    assert_eq!(
        refused.body["details"],
        json!({"secrets.key": "is no secret of this type", "secrets.token": "is required"})
    );
    let unknown = api.call("POST", INTEGRATIONS, &ada, json!({"type": "ftp", "name": "a"})).await;
    assert_eq!(
        (unknown.status.as_u16(), &unknown.body["details"]["type"]),
        (422, &"is no type of integrations".into())
    );
    let elsewhere = api.call("PATCH", &at, &ada, json!({"allowed_hosts": ["evil.example"]})).await;
    assert_eq!(elsewhere.status, 422);
    assert!(elsewhere.body["details"]["secrets.token"].is_string(), "{}", elsewhere.body);
}

#[tokio::test]
async fn a_test_is_a_job_and_a_repeated_request_starts_one() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let at = format!("{INTEGRATIONS}{}/test/", api.integrate(&ada, input()).await);

    let first = api.call("POST", &at, &ada, Value::Null).await;
    let second = api.call("POST", &at, &ada, Value::Null).await;

    assert_eq!(first.status, 202, "{}", first.body);
    let job = first.body["job"]["id"].as_str().expect("an id");
    assert_eq!(first.headers[header::LOCATION], format!("/api/jobs/{job}").as_str());
    assert_eq!(
        (&first.body["job"]["kind"], &second.body["job"]["id"]),
        (&"integration.test".into(), &job.into())
    );
}

#[tokio::test]
async fn an_idempotency_key_creates_one_integration() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let key: header::HeaderName = "idempotency-key".parse().expect("a name");
    let create = || with(request("POST", INTEGRATIONS, &ada, input()), key.clone(), "once");

    let (first, again) = (api.send(create()).await, api.send(create()).await);

    assert_eq!((first.status.as_u16(), &first.body["id"]), (201, &again.body["id"]));
    assert_eq!(api.call("GET", INTEGRATIONS, &ada, Value::Null).await.body["count"], 1);
}

#[tokio::test]
async fn an_integration_in_use_is_deleted_by_force_only() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let at = format!("{INTEGRATIONS}{}/", api.integrate(&ada, input()).await);
    let id = at.trim_end_matches('/').rsplit('/').next().expect("an id");
    let workflow = api.create_workflow(&ada).await;
    let config = json!({"url": "https://api.example.com/", "integration": id});
    let graph = json!({
        "nodes": [node("start", "manual", json!({})), node("fetch", "http_request", config)],
        "edges": [{"from": "start", "to": "fetch"}]
    });
    let stored = api.put_graph(&ada, &workflow, "*", graph).await;
    assert_eq!(stored.body["faults"]["errors"], 0, "{}", stored.body);

    let refused = api.call("DELETE", &at, &ada, Value::Null).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &"INTEGRATION_IN_USE".into()));
    let used_by = &refused.body["details"]["used_by"][0];
    assert_eq!((&used_by["workflow_id"], &used_by["node"]), (&workflow.as_str().into(), &"fetch".into()));
    let forced = api.call("DELETE", &format!("{at}?force=true"), &ada, Value::Null).await;
    assert_eq!(forced.status, 204);
    let faults = api.call("POST", &format!("{LIST}{workflow}/validate/"), &ada, Value::Null).await;
    assert_eq!(faults.body["faults"][0]["code"], "CREDENTIAL_MISSING");
}

#[tokio::test]
async fn types_tell_what_they_ask_for() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;

    let types = api.call("GET", "/api/v1/automation/integration-types/", &ada, Value::Null).await;

    let results = types.body["results"].as_array().expect("a list");
    let github = results.iter().find(|entry| entry["type"] == "github").expect("GitHub");
    assert_eq!(
        (&github["default_hosts"], &github["for_requests"]),
        (&json!(["api.github.com"]), &json!(true))
    );
    assert_eq!(github["secrets_schema"]["required"], json!(["token"]));
    assert_eq!(github["secrets_schema"]["properties"]["token"]["writeOnly"], true);
    assert_eq!(types.body["count"], results.len());
}
