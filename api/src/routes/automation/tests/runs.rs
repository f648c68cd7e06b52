use axum::http::header;
use serde_json::{Value, json};

use super::{LIST, node, with};
use crate::{
    LimitOptions,
    testing::{LIMITS, TestApi, request},
};

mod shown;

const RUNS: &str = "/api/v1/automation/executions/";

/// Waits for a signal and then for a decision.
fn waits() -> Value {
    json!({
        "nodes": [
            node("start", "manual", json!({})),
            node("paid", "wait_signal", json!({"signal": "paid"})),
            node("ask", "approval", json!({"message": "Publish {{ input.title }}?"})),
            node("yes", "transform", json!({"fields": {"published": true}}))
        ],
        "edges": [
            {"from": "start", "to": "paid"},
            {"from": "paid", "from_port": "received", "to": "ask"},
            {"from": "ask", "from_port": "approved", "to": "yes"}
        ]
    })
}

impl TestApi {
    async fn publish(&self, token: &str, graph: Value) -> String {
        let id = self.create_workflow(token).await;
        let stored = self.put_graph(token, &id, "*", graph).await;
        assert_eq!(stored.status, 200, "{}", stored.body);
        let published = self.call("POST", &format!("{LIST}{id}/publish/"), token, Value::Null).await;
        assert_eq!(published.status, 201, "{}", published.body);
        id
    }

    async fn start_run(&self, token: &str, workflow: &str, body: Value) -> String {
        let started = self.call("POST", &format!("{LIST}{workflow}/execute/"), token, body).await;
        assert_eq!(started.status, 202, "{}", started.body);
        let id = started.body["run"]["id"].as_str().expect("an id").to_owned();
        assert_eq!(started.headers[header::LOCATION], format!("{RUNS}{id}/").as_str());
        id
    }

    async fn get(&self, token: &str, path: &str) -> Value {
        let answer = self.call("GET", path, token, Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    async fn refused(&self, token: &str, (method, path): (&str, &str), body: Value, expected: (u16, &str)) {
        let answer = self.call(method, path, token, body).await;
        let code = answer.body["code"].as_str().unwrap_or_default();
        assert_eq!((answer.status.as_u16(), code), expected, "{method} {path}: {}", answer.body);
    }
}

/// The state of a node of a run.
fn state_of(run: &Value, key: &str) -> String {
    let nodes = run["nodes"]["results"].as_array().expect("nodes");
    let found = nodes.iter().find(|node| node["node"] == key).expect("the node");
    found["state"].as_str().expect("a state").to_owned()
}

#[tokio::test]
async fn a_run_is_accepted_runs_and_is_read() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let workflow = api.publish(&ada, super::graph()).await;
    let path = format!("{LIST}{workflow}/execute/");

    let started = api.call("POST", &path, &ada, json!({"input": {"n": 7}})).await;
    assert_eq!((started.status.as_u16(), &started.body["run"]["status"]), (202, &"running".into()));
    let run = started.body["run"]["id"].as_str().expect("an id").to_owned();
    let job = started.body["job_id"].as_str().expect("a job").to_owned();
    assert_eq!(api.get(&ada, &format!("/api/jobs/{job}")).await["kind"], "workflow.run_node");
    let before = api.get(&ada, &format!("{RUNS}{run}/")).await;
    assert_eq!((state_of(&before, "start"), state_of(&before, "send")), ("succeeded".into(), "ready".into()));
    let why = api.get(&ada, &format!("{RUNS}{run}/why/")).await;
    assert_eq!((&why[0]["code"], &why[0]["node"]), (&"NO_WORKER".into(), &"send".into()));
    api.work().await;

    let after = api.get(&ada, &format!("{RUNS}{run}/")).await;
    assert_eq!((&after["status"], &after["nodes"]["count"]), (&"succeeded".into(), &2.into()));
    let nodes = after["nodes"]["results"].as_array().expect("nodes");
    let send = nodes.iter().find(|node| node["node"] == "send").expect("the node");
    assert_eq!((&send["input"]["value"], &send["output"]["value"]), (&json!({"n": 7}), &json!({})));
    assert_eq!(send["inbound"], json!(["start.main>send.in"]));
    let page = api.get(&ada, &format!("{RUNS}{run}/nodes/?page=2&page_size=1")).await;
    assert_eq!((&page["count"], &page["results"][0]["node"]), (&2.into(), &"start".into()));
    let changed = api.get(&ada, &format!("{RUNS}{run}/nodes/?changed_since={}", before["revision"])).await;
    assert_eq!((&changed["count"], &changed["results"][0]["node"]), (&1.into(), &"send".into()));
    assert_eq!(api.get(&ada, &format!("{RUNS}{run}/input/")).await, json!({"value": {"n": 7}}));
    let output = api.get(&ada, &format!("{RUNS}{run}/nodes/start/output/")).await;
    assert_eq!(output, json!({"value": {"n": 7}}));
    assert_eq!(api.get(&ada, &format!("{RUNS}{run}/nodes/send/attempts/")).await, json!([]));
    assert_eq!(api.get(&ada, &format!("{RUNS}{run}/why")).await[0]["code"], "ENDED");
}

#[tokio::test]
async fn runs_are_started_again_with_the_same_input_or_another_one() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let workflow = api.publish(&ada, super::graph()).await;
    let run =
        api.start_run(&ada, &workflow, json!({"input": {"n": 7}, "version": 1, "trigger": "start"})).await;
    api.work().await;

    let mut inputs = Vec::new();
    for body in [Value::Null, json!({"input": {"n": 8}, "draft": true}), json!({"input": null})] {
        let again = api.call("POST", &format!("{RUNS}{run}/rerun/"), &ada, body).await;
        assert_eq!((again.status.as_u16(), &again.body["run"]["rerun_of"]), (202, &run.clone().into()));
        let id = again.body["run"]["id"].as_str().expect("an id");
        inputs.push(api.get(&ada, &format!("{RUNS}{id}/input/")).await["value"].clone());
    }
    api.work().await;

    assert_eq!(inputs, [json!({"n": 7}), json!({"n": 8}), Value::Null]);
    for (query, count) in [
        ("", 4),
        ("?cause=rerun", 3),
        ("?status=succeeded", 4),
        ("?status=failed", 0),
        ("?since=2020-01-01T00:00:00Z&until=2021-01-01T00:00:00Z", 0),
        ("?since=2020-01-01T00:00:00Z", 4),
        (&format!("?workflow={workflow}&cause=manual"), 1),
        (&format!("?workflow={run}"), 0),
        (&format!("?parent={run}"), 0),
    ] {
        assert_eq!(api.get(&ada, &format!("{RUNS}{query}")).await["count"], count, "{query}");
    }
    let of_workflow = api.get(&ada, &format!("{LIST}{workflow}/executions/?page_size=2")).await;
    assert_eq!(of_workflow["results"].as_array().map(Vec::len), Some(2));
    assert_eq!(of_workflow["next"], format!("{LIST}{workflow}/executions/?page=2&page_size=2"));
}

#[tokio::test]
async fn a_run_waits_for_a_signal_and_for_a_decision() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let workflow = api.publish(&ada, waits()).await;
    let run = api.start_run(&ada, &workflow, Value::Null).await;
    let at = |rest: &str| format!("{RUNS}{run}/{rest}");
    api.work().await;
    assert_eq!(api.get(&ada, &at("why")).await[0]["code"], "WAITING_FOR_SIGNAL");
    api.refused(
        &ada,
        ("POST", &at("nodes/paid/decide/")),
        json!({"approved": true}),
        (404, "WAIT_NOT_FOUND"),
    )
    .await;

    let sent = api.call("POST", &at("signals/paid/"), &ada, json!({"payload": {"title": "News"}})).await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    api.work().await;
    let waiting = api.get(&ada, &at("")).await;
    assert_eq!(waiting["waits"][0]["question"]["message"], "Publish News?");
    let link = at("nodes/ask/approval-link/");
    let first = api.call("POST", &link, &ada, Value::Null).await;
    let second = api.call("POST", &link, &ada, Value::Null).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201), "{}", first.body);
    let path = |link: &Value| link["path"].as_str().expect("a path").to_owned();
    api.refused("", ("GET", &path(&first.body)), Value::Null, (404, "NOT_FOUND")).await;
    let path = path(&second.body);
    assert_eq!(api.get("", &path).await["message"], "Publish News?");
    api.refused("", ("POST", &path), json!({"approved": "yes"}), (422, "VALIDATION_FAILED")).await;
    let slashed = format!("{path}/");
    let decided = api.call("POST", &slashed, "", json!({"approved": true, "comment": "Go on."})).await;
    assert_eq!((decided.status.as_u16(), &decided.body), (200, &json!({"approved": true})));

    for (method, body) in [("GET", Value::Null), ("POST", json!({"approved": false}))] {
        api.refused("", (method, &path), body, (410, "WAIT_OVER")).await;
    }
    api.refused(&ada, ("POST", &at("nodes/ask/decide/")), json!({"approved": true}), (410, "WAIT_OVER"))
        .await;
    api.refused(&ada, ("POST", &link), Value::Null, (410, "WAIT_OVER")).await;
    api.work().await;
    assert_eq!(api.get(&ada, &at("")).await["status"], "succeeded");
    let comment = api.get(&ada, &at("nodes/ask/output/")).await;
    assert_eq!(
        (&comment["value"]["approved"], &comment["value"]["comment"]),
        (&true.into(), &"Go on.".into())
    );
}

#[tokio::test]
async fn links_of_approvals_are_not_guessed_without_limit() {
    let api = TestApi::start(LimitOptions { auth_per_minute: 3, ..LIMITS }).await;
    let ask = async |number: u32| {
        let path = format!("/api/v1/automation/approvals/token{number}");
        api.call("GET", &path, "", Value::Null).await.status.as_u16()
    };

    let mut statuses = Vec::new();
    for number in 0..4 {
        statuses.push(ask(number).await);
    }

    assert_eq!(statuses, [404, 404, 404, 429]);
}

#[tokio::test]
async fn what_runs_cannot_do_is_refused_with_its_reason() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let draft = api.create_workflow(&ada).await;
    let execute = format!("{LIST}{draft}/execute/");
    api.refused(&ada, ("POST", &execute), Value::Null, (409, "WORKFLOW_UNPUBLISHED")).await;
    api.refused(&ada, ("POST", &execute), json!({"draft": true}), (422, "GRAPH_INVALID")).await;
    let workflow = api.publish(&ada, super::graph()).await;
    let execute = format!("{LIST}{workflow}/execute/");
    for (body, expected) in [
        (json!({"version": 9}), (404, "VERSION_NOT_FOUND")),
        (json!({"version": 1, "draft": true}), (422, "VALIDATION_FAILED")),
        (json!({"trigger": "send"}), (422, "VALIDATION_FAILED")),
        (json!({"colour": 1}), (422, "VALIDATION_FAILED")),
        (json!([1]), (422, "VALIDATION_FAILED")),
    ] {
        api.refused(&ada, ("POST", &execute), body, expected).await;
    }
    let run = api.start_run(&ada, &workflow, Value::Null).await;
    let at = |rest: &str| format!("{RUNS}{run}/{rest}");
    api.refused(&ada, ("POST", &at("retry/")), Value::Null, (409, "WRONG_STATE")).await;
    api.refused(&ada, ("POST", &at("resume/")), Value::Null, (409, "WRONG_STATE")).await;
    api.work().await;
    for (method, rest, body, expected) in [
        ("POST", "cancel/", Value::Null, (409, "WRONG_STATE")),
        ("POST", "pause/", Value::Null, (409, "WRONG_STATE")),
        ("POST", "retry/", Value::Null, (409, "NOTHING_TO_RETRY")),
        ("POST", "nodes/teleport/retry-items/", Value::Null, (404, "NODE_NOT_FOUND")),
        ("POST", "nodes/send/decide/", json!({"approved": true}), (404, "WAIT_NOT_FOUND")),
        ("POST", "nodes/send/decide/", json!({}), (422, "VALIDATION_FAILED")),
        ("POST", "nodes/send/approval-link/", Value::Null, (404, "WAIT_NOT_FOUND")),
        ("POST", "signals/paid/", json!({}), (409, "WRONG_STATE")),
        ("POST", "rerun/", json!({"published": true, "version": 1}), (422, "VALIDATION_FAILED")),
        ("GET", "nodes/teleport/input/", Value::Null, (404, "NODE_NOT_FOUND")),
        ("GET", "nodes/teleport/output/", Value::Null, (404, "NODE_NOT_FOUND")),
        ("GET", "nodes/send/output/?scope=each", Value::Null, (404, "NODE_NOT_FOUND")),
        ("GET", "nodes/?page=0", Value::Null, (422, "VALIDATION_FAILED")),
        ("GET", "nodes/?changed_since=x", Value::Null, (422, "VALIDATION_FAILED")),
    ] {
        api.refused(&ada, (method, &at(rest)), body, expected).await;
    }
    let period = "since=2021-01-01T00:00:00Z&until=2020-01-01T00:00:00Z";
    for query in ["status=done", "cause=magic", "workflow=7", "since=yesterday", period] {
        let path = format!("{RUNS}?{query}");
        api.refused(&ada, ("GET", &path), Value::Null, (422, "VALIDATION_FAILED")).await;
    }
    api.refused(&ada, ("GET", &format!("{RUNS}seven/")), Value::Null, (400, "INVALID_PATH")).await;
}

#[tokio::test]
async fn another_persons_run_is_404_whatever_is_sent() {
    let api = TestApi::start(LIMITS).await;
    let (ada, eve) = (api.register("ada@example.org").await, api.register("eve@example.org").await);
    let workflow = api.publish(&ada, waits()).await;
    let run = api.start_run(&ada, &workflow, Value::Null).await;
    api.work().await;

    for (method, rest) in [
        ("GET", ""),
        ("GET", "nodes/"),
        ("GET", "input/"),
        ("GET", "events"),
        ("GET", "why"),
        ("GET", "nodes/paid/input/"),
        ("GET", "nodes/paid/output/"),
        ("GET", "nodes/paid/attempts/"),
        ("POST", "cancel/"),
        ("POST", "pause/"),
        ("POST", "resume/"),
        ("POST", "retry/"),
        ("POST", "rerun/"),
        ("POST", "signals/paid/"),
        ("POST", "nodes/paid/decide/"),
        ("POST", "nodes/paid/approval-link/"),
        ("POST", "nodes/paid/retry-items/"),
    ] {
        let body = if method == "GET" { Value::Null } else { json!({"colour": 1}) };
        api.refused(&eve, (method, &format!("{RUNS}{run}/{rest}")), body, (404, "NOT_FOUND")).await;
    }
    for (method, rest) in [("POST", "execute/"), ("GET", "executions/"), ("GET", "graph/?run=last")] {
        let path = format!("{LIST}{workflow}/{rest}");
        api.refused(&eve, (method, &path), Value::Null, (404, "NOT_FOUND")).await;
    }
    let hers = api.publish(&eve, super::graph()).await;
    let path = format!("{LIST}{hers}/graph/?run={run}");
    api.refused(&eve, ("GET", &path), Value::Null, (404, "NOT_FOUND")).await;
    assert_eq!(api.get(&eve, RUNS).await["count"], 0);
    assert_eq!(api.get(&ada, &format!("{RUNS}{run}")).await["status"], "waiting");
}

#[tokio::test]
async fn a_run_is_started_once_for_a_key() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let workflow = api.publish(&ada, super::graph()).await;
    let start = || request("POST", &format!("{LIST}{workflow}/execute/"), &ada, json!({"input": 1}));
    let key: header::HeaderName = "idempotency-key".parse().expect("a name");

    let first = api.send(with(start(), key.clone(), "monday")).await;
    let again = api.send(with(start(), key, "monday")).await;

    assert_eq!((first.status.as_u16(), again.status.as_u16()), (202, 202));
    assert_eq!(
        (&first.body, &first.headers[header::LOCATION]),
        (&again.body, &again.headers[header::LOCATION])
    );
    assert!(first.body["job_id"].is_string(), "{}", first.body);
    assert_eq!(api.get(&ada, RUNS).await["count"], 1);
}
