use std::collections::BTreeMap;

use atelier_entities::ProjectKind;

use super::*;
use crate::integrations::{Integration, NewIntegration};

/// A draft that others can call, with this step.
fn callable(step: Value) -> Value {
    let key = step["key"].clone();
    json!({"nodes": [node("called", "called", json!({})), step], "edges": [{"from": "called", "to": key}]})
}

fn call(target: impl ToString) -> Value {
    node("call", "sub_workflow", json!({"workflow": target.to_string()}))
}

impl Fixture {
    async fn errors(&self, id: WorkflowId) -> Vec<(&'static str, String, String)> {
        let draft = self.workflows().get_draft(&self.ada, id).await.expect("there");
        let errors = draft.faults.into_iter().filter(|fault| fault.severity == Severity::Error);
        let place = |fault: Fault| {
            let Fault { code, node, pointer, .. } = fault;
            (code.as_str(), node.unwrap_or_default(), pointer.unwrap_or_default())
        };
        errors.map(place).collect()
    }
}

fn at(code: &'static str, node: &str, pointer: &str) -> (&'static str, String, String) {
    (code, node.to_owned(), pointer.to_owned())
}

#[tokio::test]
async fn a_called_workflow_is_published_and_has_a_trigger_for_calls() {
    let fixture = Fixture::new().await;
    let target = fixture.create("Callee").await.id;
    let bobs = NewWorkflow { name: "Bob's".to_owned(), ..NewWorkflow::default() };
    let bobs = fixture.workflows().create(&fixture.bob().await, bobs).await.expect("created").id;
    let id = fixture.with_draft(callable(call(target))).await.id;
    let missing = [at("SUBWORKFLOW_MISSING", "call", "/config/workflow")];
    assert_eq!(fixture.errors(id).await, missing, "not published");

    fixture.replace(target, row(&["send"])).await;
    fixture.publish(target).await.expect("published");
    assert_eq!(fixture.errors(id).await, missing, "no trigger for calls");
    fixture.replace(target, callable(step("send"))).await;
    fixture.publish(target).await.expect("published");
    assert_eq!(fixture.errors(id).await, []);

    for other in [bobs.to_string(), WorkflowId::new().to_string(), "monthly".to_owned()] {
        fixture.replace(id, callable(call(&other))).await;
        assert_eq!(fixture.errors(id).await, missing, "{other}");
    }
    fixture.replace(id, callable(call("{{ input.workflow }}"))).await;
    assert_eq!(fixture.errors(id).await, [], "an expression is checked when it runs");
}

#[tokio::test]
async fn workflows_do_not_call_each_other_in_a_circle() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.create("First").await.id, fixture.create("Second").await.id);
    fixture.replace(second, callable(step("send"))).await;
    fixture.publish(second).await.expect("published");
    fixture.replace(first, callable(call(second))).await;
    fixture.publish(first).await.expect("published");
    let recursive = [at("SUBWORKFLOW_RECURSIVE", "call", "/config/workflow")];

    fixture.replace(second, callable(call(first))).await;
    assert_eq!(fixture.errors(second).await, recursive);
    assert_eq!(refused(fixture.publish(second).await), ["SUBWORKFLOW_RECURSIVE"]);
    fixture.replace(second, callable(call(second))).await;
    assert_eq!(fixture.errors(second).await, recursive, "nor itself");
}

#[tokio::test]
async fn projects_secrets_and_credentials_that_do_not_exist_are_reported() {
    let fixture = Fixture::new().await;
    let own = fixture.create_project(fixture.user(), ProjectKind::WebApp).await;
    let bob = fixture.bob().await.person().expect("bob");
    let bobs = fixture.create_project(bob, ProjectKind::WebApp).await;
    let access = async |actor: &Actor, kind: &str, secret: &str| {
        let input = NewIntegration {
            kind: kind.to_owned(),
            name: "Access".to_owned(),
            secrets: BTreeMap::from([(secret.to_owned(), Some("https://hooks.slack.com/x".into()))]),
            allowed_hosts: Some(vec!["hooks.slack.com".to_owned()]),
            ..NewIntegration::default()
        };
        fixture.services.automation.integrations.create(actor, input).await.expect("created")
    };
    let bobs_access = access(&acting(bob), "http_bearer", "token").await;
    let (own_access, webhook) = (
        access(&fixture.ada, "http_bearer", "token").await,
        access(&fixture.ada, "slack_webhook", "webhook_url").await,
    );
    let get = |key: &str, of: &Integration| {
        node(key, "http_request", json!({"url": "https://hooks.slack.com", "integration": of.row.id}))
    };
    let deploy = |key: &str, project: String| node(key, "deploy_app", json!({"project": project}));
    let request = json!({
        "url": "https://example.org/{{ input.id }}", "integration": bobs_access.row.id,
        "headers": {"authorization": "{{ secrets.token }}"}
    });
    let nodes = json!([
        start(),
        deploy("own", own.id.to_string()),
        deploy("foreign", bobs.id.to_string()),
        deploy("computed", "{{ input.project }}".to_owned()),
        node("fetch", "http_request", request),
        get("authorized", &own_access),
        get("mistaken", &webhook),
    ]);
    let edges: Vec<_> = ["own", "foreign", "computed", "fetch", "authorized", "mistaken"]
        .map(|to| json!({"from": "start", "to": to}))
        .into();

    let id = fixture.with_draft(json!({"nodes": nodes, "edges": edges})).await.id;

    assert_eq!(
        fixture.errors(id).await,
        [
            at("SECRET_UNKNOWN", "fetch", "/config/headers/authorization"),
            at("CREDENTIAL_MISSING", "fetch", "/config/integration"),
            at("CREDENTIAL_WRONG_TYPE", "mistaken", "/config/integration"),
            at("PROJECT_MISSING", "foreign", "/config/project"),
        ]
    );
}
