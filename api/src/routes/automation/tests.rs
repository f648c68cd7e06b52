use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};

use crate::testing::{Answer, LIMITS, TestApi, request};

mod integrations;
mod runs;
mod schedules;
mod webhooks;

const LIST: &str = "/api/v1/automation/workflows/";

fn node(key: &str, kind: &str, config: Value) -> Value {
    json!({"key": key, "type": kind, "config": config})
}

fn graph() -> Value {
    json!({
        "nodes": [node("start", "manual", json!({})), node("send", "transform", json!({"fields": {}}))],
        "edges": [{"from": "start", "to": "send"}]
    })
}

/// A request with one more header.
fn with(mut request: Request<Body>, name: header::HeaderName, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().expect("a value"));
    request
}

impl TestApi {
    async fn create_workflow(&self, token: &str) -> String {
        let answer = self.call("POST", LIST, token, json!({"name": "Weekly report"})).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let id = answer.body["id"].as_str().expect("an id").to_owned();
        assert_eq!(answer.headers[header::LOCATION], format!("{LIST}{id}/").as_str());
        id
    }

    async fn put_graph(&self, token: &str, id: &str, revision: &str, graph: Value) -> Answer {
        let put = request("PUT", &format!("{LIST}{id}/graph/"), token, graph);
        self.send(with(put, header::IF_MATCH, revision)).await
    }
}

#[tokio::test]
async fn a_draft_becomes_a_published_and_enabled_workflow() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let id = api.create_workflow(&ada).await;
    let at = |rest: &str| format!("{LIST}{id}/{rest}");

    let empty = api.call("GET", &at("graph/"), &ada, Value::Null).await;
    assert_eq!(
        (empty.status.as_u16(), &empty.headers[header::ETAG]),
        (200, &"\"1\"".parse().expect("a tag"))
    );
    assert_eq!(empty.body["faults"], json!({"errors": 1, "warnings": 0}));
    let refused = api.call("POST", &at("publish/"), &ada, Value::Null).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (422, &"GRAPH_INVALID".into()));
    assert_eq!(refused.body["details"]["faults"][0]["code"], "NO_TRIGGER");
    let refused = api.call("POST", &at("enable/"), &ada, Value::Null).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &"NOT_PUBLISHED".into()));

    let stored = api.put_graph(&ada, &id, "\"1\"", graph()).await;
    assert_eq!(stored.status, 200, "{}", stored.body);
    assert_eq!(stored.headers[header::ETAG], "\"2\"");
    assert_eq!(stored.body["layout"]["nodes"].as_array().map(Vec::len), Some(2));
    let valid = api.call("POST", &at("validate/"), &ada, Value::Null).await;
    assert_eq!(valid.body, json!({"valid": true, "revision": 2, "faults": []}));
    let published = api.call("POST", &at("publish/"), &ada, json!({"note": "The first"})).await;
    assert_eq!((published.status.as_u16(), &published.body["number"]), (201, &1.into()));
    let enabled = api.call("POST", &at("enable/"), &ada, Value::Null).await;
    assert_eq!((&enabled.body["enabled"], &enabled.body["version"]), (&true.into(), &1.into()));

    let versions = api.call("GET", &at("versions/"), &ada, Value::Null).await;
    assert_eq!((&versions.body["count"], &versions.body["next"]), (&1.into(), &Value::Null));
    assert_eq!(versions.body["results"][0]["note"], "The first");
    let deleted = api.call("DELETE", &at(""), &ada, Value::Null).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(api.call("GET", &at(""), &ada, Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_workflow_of_n8n_is_imported_with_a_report() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let node = |name: &str, kind: &str| json!({"name": name, "type": format!("n8n-nodes-base.{kind}"), "position": [0, 0]});
    let document = json!({
        "name": "From elsewhere",
        "nodes": [node("Begin", "manualTrigger"), node("Code", "code")],
        "connections": {"Begin": {"main": [[{"node": "Code", "type": "main", "index": 0}]]}}
    });

    let imported = api.call("POST", &format!("{LIST}import/"), &ada, document).await;

    assert_eq!(imported.status, 201, "{}", imported.body);
    assert_eq!(imported.body["workflow"]["enabled"], false);
    assert_eq!(imported.body["faults"], json!([]));
    let counts = json!({"exact": 1, "approximated": 0, "placeholder": 1, "ignored": 0});
    assert_eq!(imported.body["counts"], counts);
    let code = &imported.body["report"][1];
    assert_eq!(
        (&code["node"], &code["key"], &code["status"]),
        (&"Code".into(), &"code".into(), &"placeholder".into())
    );
}

#[tokio::test]
async fn a_draft_is_replaced_only_by_who_names_its_revision() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let id = api.create_workflow(&ada).await;

    let without = api.call("PUT", &format!("{LIST}{id}/graph/"), &ada, graph()).await;
    assert_eq!((without.status.as_u16(), &without.body["code"]), (428, &"REVISION_REQUIRED".into()));
    assert_eq!(api.put_graph(&ada, &id, "*", graph()).await.status, 200);
    let stale = api.put_graph(&ada, &id, "\"1\"", graph()).await;
    assert_eq!((stale.status.as_u16(), &stale.body["code"]), (412, &"REVISION_CHANGED".into()));
    assert_eq!(stale.body["details"]["revision"], 2);
    let unknown = json!({"nodes": [{"key": "a", "type": "no_op", "colour": 1}]});
    let unreadable = api.put_graph(&ada, &id, "\"2\"", unknown).await;
    assert_eq!(unreadable.status, 422);
    assert!(unreadable.body["details"]["nodes[0].colour"].is_string(), "{}", unreadable.body);
    let large = json!({"nodes": [node("a", "note", json!({"text": "x".repeat(10_000)}))]});
    assert_eq!(api.put_graph(&ada, &id, "\"2\"", large).await.status, 413);
    let faulty = json!({"nodes": [node("a", "teleport", json!({}))]});
    let stored = api.put_graph(&ada, &id, "W/\"2\"", faulty).await;
    assert_eq!((stored.status.as_u16(), &stored.body["faults"]["errors"]), (200, &2.into()));
}

#[tokio::test]
async fn what_is_shown_of_a_draft_can_be_sent_back() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let id = api.create_workflow(&ada).await;
    let body = json!({"nodes": [node("inside", "no_op", json!({}))], "edges": []});
    let each = json!({
        "key": "each", "type": "loop", "name": "Rows", "position": {"x": 1.5, "y": 2.0},
        "config": {"items": "{{ input }}"}, "body": body,
        "policy": {
            "timeout_seconds": 9, "on_error": "continue", "retry": {"retry_on": ["503"]},
            "join": {"mode": "quorum", "count": 2, "cancel_rest": true}
        }
    });
    let graph = json!({"nodes": [node("start", "manual", json!({})), each]});
    let stored = api.put_graph(&ada, &id, "*", graph).await;
    assert_eq!(stored.status, 200, "{}", stored.body);

    let shown = json!({"nodes": stored.body["nodes"], "edges": stored.body["edges"]});
    let again = api.put_graph(&ada, &id, "*", shown.clone()).await;

    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(json!({"nodes": again.body["nodes"], "edges": again.body["edges"]}), shown);
    assert_eq!(
        shown["nodes"][1]["policy"]["join"],
        json!({"mode": "quorum", "count": 2, "cancel_rest": true})
    );
    assert_eq!(shown["nodes"][1]["policy"]["retry"]["max_attempts"], 3);
}

#[tokio::test]
async fn nodes_and_edges_are_edited_one_by_one() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let id = api.create_workflow(&ada).await;
    let at = |rest: &str| format!("{LIST}{id}/{rest}");
    for key in ["a", "b", "c"] {
        let made = api.call("POST", &at("nodes/"), &ada, json!({"key": key, "type": "no_op"})).await;
        assert_eq!((made.status.as_u16(), &made.body["parent"]), (201, &Value::Null), "{}", made.body);
    }
    let made = api.call("POST", &at("edges/"), &ada, json!({"from": "a", "to": "b"})).await;
    assert_eq!((made.status.as_u16(), &made.body["id"]), (201, &"a.main>b.in".into()));

    let circle = api.call("POST", &at("edges/"), &ada, json!({"from": "b", "to": "a"})).await;
    assert_eq!(
        (circle.status.as_u16(), &circle.body["details"]["faults"][0]["code"]),
        (422, &"CYCLE".into())
    );
    let page = api.call("GET", &at("nodes/?page=2&page_size=2"), &ada, Value::Null).await;
    assert_eq!((&page.body["count"], &page.body["results"][0]["key"]), (&3.into(), &"c".into()));
    assert_eq!(page.body["previous"], at("nodes/?page=1&page_size=2"));
    let named = api.call("PATCH", &at("nodes/a/"), &ada, json!({"name": "First"})).await;
    assert_eq!(named.body["name"], "First");
    let unnamed = api.call("PATCH", &at("nodes/a/"), &ada, json!({"name": null, "disabled": true})).await;
    assert_eq!((&unnamed.body["name"], &unnamed.body["disabled"]), (&Value::Null, &true.into()));
    assert_eq!(api.call("DELETE", &at("edges/a.main%3Eb.in/"), &ada, Value::Null).await.status, 204);
    let gone = api.call("DELETE", &at("edges/a.main%3Eb.in/"), &ada, Value::Null).await;
    assert_eq!((gone.status.as_u16(), &gone.body["code"]), (404, &"EDGE_NOT_FOUND".into()));
    assert_eq!(api.call("DELETE", &at("nodes/c/"), &ada, Value::Null).await.status, 204);
    let gone = api.call("PATCH", &at("nodes/c/"), &ada, json!({})).await;
    assert_eq!((gone.status.as_u16(), &gone.body["code"]), (404, &"NODE_NOT_FOUND".into()));
}

#[tokio::test]
async fn addresses_end_with_a_slash_or_not() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let id = api.create_workflow(&ada).await;
    for path in ["/", "/graph/", "/nodes/", "/edges/", "/versions/", "/export/"] {
        let path = format!("{LIST}{id}{path}");
        let bare = path.trim_end_matches('/');
        for path in [path.as_str(), bare] {
            assert_eq!(api.call("GET", path, &ada, Value::Null).await.status, 200, "{path}");
            assert_eq!(api.call("GET", path, "", Value::Null).await.status, 401, "{path}");
        }
    }
    let bare = LIST.trim_end_matches('/');
    let listed = api.call("GET", &format!("{bare}?enabled=false&search=week"), &ada, Value::Null).await;
    assert_eq!((listed.status.as_u16(), &listed.body["count"]), (200, &1.into()));
    let long = format!("{bare}?search={}", "0".repeat(121));
    let refused = api.call("GET", &long, &ada, Value::Null).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body["details"]["search"].is_string(), "{}", refused.body);
    let refused = api.call("GET", &format!("{bare}?search=a%00b"), &ada, Value::Null).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
}

#[tokio::test]
async fn a_repeated_request_creates_one_workflow() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let key = header::HeaderName::from_static("idempotency-key");
    let create = || request("POST", LIST, &ada, json!({"name": "Weekly report"}));

    let first = api.send(with(create(), key.clone(), "report-1")).await;
    let again = api.send(with(create(), key, "report-1")).await;

    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(
        (&first.body["id"], &again.headers["idempotency-replayed"]),
        (&again.body["id"], &"true".parse().expect("a value"))
    );
    assert_eq!(api.call("GET", LIST, &ada, Value::Null).await.body["count"], 1);
}

#[tokio::test]
async fn a_drawing_is_kept_apart_from_the_page_that_shows_it() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let id = api.create_workflow(&ada).await;

    let answer = api.call("GET", &format!("{LIST}{id}/graph.svg"), &ada, Value::Null).await;

    assert_eq!(answer.headers[header::CONTENT_TYPE], "image/svg+xml");
    assert_eq!(answer.headers[header::CONTENT_SECURITY_POLICY], "sandbox");
    assert!(answer.body.as_str().is_some_and(|svg| svg.starts_with("<svg")));
}

#[tokio::test]
async fn an_export_is_a_file_that_can_be_imported() {
    let api = TestApi::start(LIMITS).await;
    let ada = api.register("ada@example.org").await;
    let id = api.create_workflow(&ada).await;
    api.put_graph(&ada, &id, "*", graph()).await;

    let exported = api.call("GET", &format!("{LIST}{id}/export/"), &ada, Value::Null).await;
    assert_eq!(exported.headers[header::CONTENT_DISPOSITION], "attachment; filename=\"workflow.json\"");
    let imported = api.call("POST", &format!("{LIST}import/"), &ada, exported.body.clone()).await;

    assert_eq!((imported.status.as_u16(), &imported.body["faults"]), (201, &json!([])), "{}", imported.body);
    let copy = imported.body["workflow"]["id"].as_str().expect("an id");
    let again = api.call("GET", &format!("{LIST}{copy}/export/"), &ada, Value::Null).await;
    assert_eq!(again.body, exported.body);
    let other = api.call("POST", &format!("{LIST}import/"), &ada, json!({"nodes": []})).await;
    assert_eq!((other.status.as_u16(), &other.body["code"]), (422, &"GRAPH_INVALID".into()));
    assert_eq!(other.body["details"]["faults"][0]["pointer"], "/$schema");
}

#[tokio::test]
async fn another_persons_workflow_is_404_whatever_is_sent() {
    let api = TestApi::start(LIMITS).await;
    let (ada, eve) = (api.register("ada@example.org").await, api.register("eve@example.org").await);
    let id = api.create_workflow(&ada).await;
    for (method, rest) in [
        ("GET", ""),
        ("PUT", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "graph/"),
        ("PUT", "graph/"),
        ("GET", "graph.svg"),
        ("POST", "validate/"),
        ("POST", "publish/"),
        ("GET", "versions/"),
        ("POST", "enable/"),
        ("POST", "disable/"),
        ("POST", "duplicate/"),
        ("GET", "export/"),
        ("GET", "nodes/"),
        ("POST", "nodes/"),
        ("PATCH", "nodes/a/"),
        ("DELETE", "nodes/a/"),
        ("GET", "edges/"),
        ("POST", "edges/"),
        ("DELETE", "edges/a.main%3Eb.in/"),
    ] {
        let path = format!("{LIST}{id}/{rest}");
        let body = if method == "GET" { Value::Null } else { json!({"colour": 1}) };
        let answer = api.call(method, &path, &eve, body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["code"]),
            (404, &"NOT_FOUND".into()),
            "{method} {path}"
        );
    }
    assert_eq!(api.call("GET", LIST, &eve, Value::Null).await.body["count"], 0);
    let mut put = request("PUT", &format!("{LIST}{id}/graph/"), &eve, Value::Null);
    *put.body_mut() = Body::from("not JSON");
    let response = api.send(put).await;
    assert_eq!(response.status, 404);
    let own = api.call("GET", &format!("{LIST}{id}/"), &ada, Value::Null).await;
    assert_eq!(own.body["revision"], 1);
}
