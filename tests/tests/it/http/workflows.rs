//! Workflows: drafts, versions and limits.

use atelier_entities::{VersionKind, workflow_nodes, workflow_triggers, workflow_versions, workflows};
use atelier_tests::{AppSetup, Person, Reply, TestApp};
use futures::future::join_all;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

const LIST: &str = "/api/v1/automation/workflows/";

async fn create(person: &Person, input: Value) -> Reply {
    person.client.post(LIST).json(&input).send().await
}

async fn create_workflow(person: &Person) -> String {
    let made = create(person, json!({"name": "Weekly report"})).await.expect(201).json();
    format!("{LIST}{}/", made["id"].as_str().expect("an id"))
}

async fn put_graph(person: &Person, workflow: &str, revision: &str, graph: &Value) -> Reply {
    let put = person.client.call("PUT", &format!("{workflow}graph/")).header("if-match", revision);
    put.json(graph).send().await
}

/// A draft with a loop and an expression, and values that databases write in different ways.
fn graph(text: &str) -> Value {
    let body = json!({
        "nodes": [{"key": "inside", "type": "transform", "config": {"fields": {"row": "{{ item.name }}"}}}]
    });
    json!({
        "nodes": [
            {"key": "start", "type": "manual"},
            {"key": "deployed", "type": "platform_event", "config": {"event": "deployment.succeeded"}},
            {"key": "each", "type": "loop", "position": {"x": 0.1, "y": -1e-7}, "body": body,
             "config": {"items": [1, 2.5, 1e20, 12_345_678_901_i64, null, {"b": 1, "aa": "Zoë \u{1f600}"}]}},
            {"key": "last", "type": "transform", "config": {"fields": {"text": text}}}
        ],
        "edges": [
            {"from": "start", "to": "each"},
            {"from": "deployed", "to": "each"},
            {"from": "each", "from_port": "done", "to": "last"}
        ]
    })
}

async fn export(person: &Person, workflow: &str) -> String {
    person.client.get(&format!("{workflow}export/")).send().await.expect(200).text()
}

async fn count_nodes(app: &TestApp, kind: VersionKind) -> u64 {
    let versions = workflow_versions::Entity::find().filter(workflow_versions::Column::Kind.eq(kind));
    let versions = versions.all(app.db()).await.expect("a database");
    let of_them = workflow_nodes::Column::VersionId.is_in(versions.into_iter().map(|version| version.id));
    workflow_nodes::Entity::find().filter(of_them).count(app.db()).await.expect("a database")
}

pub(super) async fn a_draft_is_published_and_what_is_published_stays(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let workflow = create_workflow(&ada).await;

    let drafts = [graph("one"), graph("two"), graph("three")];
    let replies = join_all(drafts.iter().map(|draft| put_graph(&ada, &workflow, "\"1\"", draft))).await;
    let (stored, late): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!((stored.len(), late.len()), (1, 2), "one of three that began with the same revision");
    for reply in late {
        let _changed = reply.refused(412, "REVISION_CHANGED");
    }
    let published = ada.client.post(&format!("{workflow}publish/")).send().await.expect(201).json();
    assert_eq!(published["number"], 1);
    let _enabled = ada.client.post(&format!("{workflow}enable/")).send().await.expect(200);
    assert_eq!(workflow_triggers::Entity::find().count(app.db()).await.expect("a database"), 2);
    assert_eq!(count_nodes(&app, VersionKind::Published).await, 5);

    let before = export(&ada, &workflow).await;
    let _gone = ada.client.call("DELETE", &format!("{workflow}nodes/each/")).send().await.expect(204);
    assert_eq!(count_nodes(&app, VersionKind::Draft).await, 3);
    assert_eq!(count_nodes(&app, VersionKind::Published).await, 5, "the version keeps its nodes");

    let document = serde_json::from_str(&before).expect("JSON");
    let import = ada.client.post(&format!("{LIST}import/")).json(&document);
    let imported = import.send().await.expect(201).json();
    let copy = format!("{LIST}{}/", imported["workflow"]["id"].as_str().expect("an id"));
    assert_eq!(export(&ada, &copy).await, before, "to the byte");
    assert_eq!(imported["faults"], json!([]));

    let _gone = ada.client.call("DELETE", &workflow).send().await.expect(204);
    assert_eq!(workflow_triggers::Entity::find().count(app.db()).await.expect("a database"), 0);
    let _gone = ada.client.get(&workflow).send().await.refused(404, "NOT_FOUND");
    app.finish().await;
}

pub(super) async fn a_project_has_no_more_workflows_than_it_may(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    for _ in 0..48 {
        let _made = create(&ada, json!({"name": "Report", "project_id": project})).await.expect(201);
    }

    let input = json!({"name": "Report", "project_id": project});
    let replies = join_all((0..4).map(|_| create(&ada, input.clone()))).await;

    let (made, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 201);
    assert_eq!((made.len(), refused.len()), (2, 2));
    for reply in refused {
        let refused = reply.refused(409, "WORKFLOW_LIMIT");
        assert_eq!(refused.json()["details"]["limit"], 50);
    }
    let page = ada.get(&format!("{LIST}?project={project}&page=2&page_size=20")).await;
    assert_eq!((&page["count"], page["results"].as_array().map(Vec::len)), (&json!(50), Some(20)));
    assert_eq!(page["next"], format!("{LIST}?page=3&page_size=20&project={project}"));

    let _gone = ada.client.call("DELETE", &format!("/api/projects/{project}")).send().await.expect(200);
    let without = workflows::Entity::find().filter(workflows::Column::ProjectId.is_null());
    assert_eq!(without.count(app.db()).await.expect("a database"), 50, "they outlive their project");
    app.finish().await;
}
