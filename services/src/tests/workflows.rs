//! Workflows that start what other domains offer, and that events start.

use std::collections::BTreeSet;

use atelier_automation::{
    graph::Graph,
    nodes::{find_definition, platform_event::EVENTS},
    runs::StartInput,
    testing::publish,
};
use atelier_entities::{
    RunId, RunStatus, UserId, WorkflowId, workflow_node_runs, workflow_runs, workflow_triggers,
};
use atelier_foundation::testing::acting;
use atelier_providers::llm::fake::ScriptedCompletion;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::{
    ModuleOptions, modules,
    testing::{Fixture, GOOD_COMPLETION},
};

async fn publish_graph(fixture: &Fixture, user: UserId, graph: Value) -> WorkflowId {
    let graph: Graph = serde_json::from_value(graph).expect("a graph");
    publish(fixture.queue(), user, &graph, |_| {}).await.expect("published")
}

async fn run(fixture: &Fixture, user: UserId, workflow: WorkflowId) -> workflow_runs::Model {
    let runs = &fixture.services.automation.runs;
    let run = runs.start(&acting(user), workflow, StartInput::default()).await.expect("started");
    fixture.work().await;
    find_run(fixture, run.run.id).await
}

async fn find_run(fixture: &Fixture, run: RunId) -> workflow_runs::Model {
    let found = workflow_runs::Entity::find_by_id(run).one(fixture.queue().db()).await;
    found.expect("asked").expect("there")
}

async fn output(fixture: &Fixture, run: RunId, node: &str) -> Value {
    let of_run = workflow_node_runs::Entity::find().filter(workflow_node_runs::Column::RunId.eq(run));
    let row = of_run.filter(workflow_node_runs::Column::Node.eq(node)).one(fixture.queue().db()).await;
    row.expect("asked").expect("there").output.expect("an output")
}

#[tokio::test]
async fn a_workflow_generates_an_app_deploys_it_and_another_one_hears_of_it() {
    let fixture = Fixture::with_script([ScriptedCompletion::Text(GOOD_COMPLETION.to_owned())]).await;
    let user = fixture.register("ada@example.org").await.id;
    let before = fixture.credits(user).await;
    let graph = json!({
        "nodes": [
            {"key": "start", "type": "manual"},
            {"key": "write", "type": "generate_app", "config": {"prompt": "A reading list"}},
            {"key": "publish", "type": "deploy_app", "config": {"project": "{{ input.project_id }}"}},
        ],
        "edges": [{"from": "start", "to": "write"}, {"from": "write", "to": "publish"}],
    });
    let workflow = publish_graph(&fixture, user, graph).await;
    let listens = json!({
        "nodes": [{"key": "event", "type": "platform_event", "config": {"event": "deployment.succeeded"}}],
        "edges": [],
    });
    let listener = publish_graph(&fixture, user, listens).await;

    let run = run(&fixture, user, workflow).await;

    assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.failure);
    let written = output(&fixture, run.id, "write").await;
    let published = output(&fixture, run.id, "publish").await;
    assert_eq!((&written["version"], &published["version"]), (&json!(1), &json!(1)));
    assert_eq!(written["project_id"], published["project_id"]);
    assert!(
        published["url"].as_str().is_some_and(|url| url.contains("/preview/a-reading-list-")),
        "{published}"
    );
    assert_eq!(before - fixture.credits(user).await, 2, "one quick generation");
    let heard = workflow_runs::Entity::find().filter(workflow_runs::Column::WorkflowId.eq(listener));
    let heard = heard.all(fixture.queue().db()).await.expect("listed");
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].caused_by, Some(run.id));
    assert_eq!(heard[0].input.as_ref().expect("an input")["data"]["url"], published["url"]);
}

#[tokio::test]
async fn a_run_whose_generation_does_not_succeed_costs_nothing() {
    let fixture = Fixture::with_script([]).await;
    let user = fixture.register("ada@example.org").await.id;
    let before = fixture.credits(user).await;
    let graph = json!({
        "nodes": [
            {"key": "start", "type": "manual"},
            {"key": "write", "type": "generate_app", "config": {"prompt": "A reading list"}},
        ],
        "edges": [{"from": "start", "to": "write"}],
    });
    let workflow = publish_graph(&fixture, user, graph).await;
    let started = run(&fixture, user, workflow).await;

    // The model has no answer: the generation is tried again or has failed.
    if !started.status.is_final() {
        let cancelled = fixture.services.automation.runs.cancel(&acting(user), started.id).await;
        cancelled.expect("cancelled");
    }

    let ended = find_run(&fixture, started.id).await;
    assert!(matches!(ended.status, RunStatus::Failed | RunStatus::Cancelled), "{ended:?}");
    assert_eq!(fixture.credits(user).await, before);
}

#[test]
fn triggers_can_name_the_events_of_all_domains_and_no_others() {
    let modules = modules(&ModuleOptions::default());
    let topics: BTreeSet<&str> =
        modules.iter().flat_map(|module| &module.kinds).filter_map(|kind| kind.topic).collect();
    let named = EVENTS.iter().filter_map(|event| Some(event.split_once('.')?.0));

    assert_eq!(named.filter(|topic| *topic != "job").collect::<BTreeSet<_>>(), topics);
}

#[test]
fn every_action_has_a_type_of_node() {
    let modules = modules(&ModuleOptions::default());
    let actions: BTreeSet<&str> =
        modules.iter().flat_map(|module| &module.actions).map(|action| action.name()).collect();

    assert_eq!(actions, BTreeSet::from(["deploy_app", "enqueue_statistics", "generate_app"]));
    assert!(actions.iter().all(|action| find_definition(action, 1).is_some()));
}

#[tokio::test]
async fn publishing_with_the_api_writes_the_triggers_that_events_pull() {
    let fixture = Fixture::new().await;
    let user = fixture.register("ada@example.org").await.id;
    let listens = json!({
        "nodes": [{"key": "event", "type": "platform_event", "config": {"event": "job.failed"}}],
        "edges": [],
    });
    let workflow = publish_graph(&fixture, user, listens).await;

    let workflows = &fixture.services.automation.workflows;
    workflows.disable(&acting(user), workflow).await.expect("disabled");
    let none = workflow_triggers::Entity::find().all(fixture.queue().db()).await.expect("listed");
    workflows.enable(&acting(user), workflow).await.expect("enabled");
    let one = workflow_triggers::Entity::find().all(fixture.queue().db()).await.expect("listed");

    assert!(none.is_empty());
    assert_eq!((one.len(), one[0].event.as_deref(), one[0].user_id), (1, Some("job.failed"), user));
}
