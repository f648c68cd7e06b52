//! Chains, branches and loops; the same end twice; a crash in between.

use atelier_entities::{ItemState, NodeState, RunStatus, workflow_edge_runs, workflow_item_runs};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::*;
use crate::{
    engine::ScopePath,
    runs::{advance::advance, event::RunEvent},
    workflows::versions,
};

#[tokio::test]
async fn a_chain_runs_each_node_once_and_keeps_what_they_give() {
    let fixture = Fixture::new().await;
    let flow = Flow::new().work("a b c").edges("start>a a>b b>c");

    let run = fixture.run(fixture.publish(&flow).await).await;

    let row = fixture.row(run).await;
    assert_eq!((row.status, row.working, row.waiting), (RunStatus::Succeeded, 0, 0));
    assert!(row.started_at.is_some() && row.finished_at.is_some() && row.deadline_at.is_some());
    assert_eq!(row.input, Some(json!({"n": 7})));
    assert_eq!(fixture.ran(), ["a", "b", "c"]);
    let nodes = fixture.nodes(run).await;
    assert_eq!(nodes["c"].output, Some(json!({"from": "c"})));
    assert_eq!(nodes["c"].revision, row.revision);
    assert!(nodes["b"].job_id.is_some() && nodes["b"].finished_at.is_some());
    assert_eq!(fixture.count_unfinished_jobs(run).await, 0);
}

#[tokio::test]
async fn branches_meet_in_a_merge_that_runs_once() {
    let fixture = Fixture::new().await;
    let flow = Flow::new()
        .condition("check")
        .work("a b c")
        .merge("join")
        .edges("start>check start>a check.true>b check.false>c a>join b>join c>join");
    fixture.script(
        "check",
        [Ok(NodeResult { outcome: WorkOutcome::Done { port: Some("true".into()) }, output: None })],
    );

    let run = fixture.run(fixture.publish(&flow).await).await;

    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    assert_eq!(fixture.ran(), ["a", "b", "check", "join"]);
    assert_eq!(fixture.states(run, "c").await, [Some(NodeState::Skipped)]);
    let edges = workflow_edge_runs::Entity::find().filter(workflow_edge_runs::Column::RunId.eq(run));
    let edges = edges.all(fixture.fixture.queue().db()).await.expect("listed");
    let taken: Vec<_> = edges.iter().filter(|edge| edge.taken).map(|edge| edge.edge.as_str()).collect();
    assert_eq!(edges.len(), 7);
    assert!(taken.contains(&"check.true>b.in") && !taken.contains(&"check.false>c.in"), "{taken:?}");
}

#[tokio::test]
async fn a_loop_keeps_its_window_and_gives_results_in_order() {
    let fixture = Fixture::new().await;
    let body = Flow::body().work("a b").edges("a>b");
    let flow = Flow::new()
        .each("each", json!({"concurrency": 2, "on_item_error": "continue"}), body)
        .work("after")
        .edges("start>each each.done>after");
    fixture.script("each", [items(&[json!(1), json!(2), json!(3), json!(4), json!(5)])]);
    fixture.script("b", [Ok(done(json!(10))), broken()]);

    let run = fixture.run(fixture.publish(&flow).await).await;

    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    assert_eq!(fixture.ran().iter().filter(|name| name.ends_with(".a")).count(), 5);
    assert_eq!(fixture.states(run, "each after").await, [Some(NodeState::Succeeded); 2]);
    let items = workflow_item_runs::Entity::find().filter(workflow_item_runs::Column::RunId.eq(run));
    let items = items.all(fixture.fixture.queue().db()).await.expect("listed");
    let failed = items.iter().filter(|item| item.state == ItemState::Failed).count();
    assert_eq!((items.len(), failed), (5, 1));
    let row = fixture.row(run).await;
    let version = versions::load(fixture.fixture.queue().db(), row.version_id).await.expect("asked");
    let version = version.expect("there");
    let each = version.plan.find_node("each").expect("a node");
    let output = fixture.runs().reader().node_output(run, &version, &(ScopePath::root(), each)).await;
    let output = output.expect("read").expect("an output");
    assert_eq!(
        (&output["total"], &output["succeeded"], &output["failed"]),
        (&json!(5), &json!(4), &json!(1))
    );
    let results = output["results"].as_array().expect("a list");
    let errors = output["errors"].as_array().expect("a list");
    let index = usize::try_from(errors[0]["index"].as_u64().expect("a number")).expect("small");
    assert!(results[index].is_null() && errors[0]["error"]["code"] == "BROKEN", "{output}");
    assert_eq!(results.iter().filter(|result| **result == json!({"from": "b"})).count(), 3);
}

#[tokio::test]
async fn a_loop_without_items_is_done_at_once() {
    let fixture = Fixture::new().await;
    let flow = Flow::new()
        .each("each", json!({}), Flow::body().work("a"))
        .work("after")
        .edges("start>each each.done>after");
    fixture.script("each", [items(&[])]);

    let run = fixture.run(fixture.publish(&flow).await).await;

    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    assert_eq!(fixture.ran(), ["after", "each"]);
}

/// The attempt of a node of a run that is under way.
async fn attempt(fixture: &Fixture, run: RunId, node: &str) -> RunNode {
    let row = fixture.nodes(run).await.remove(node).expect("a node");
    RunNode {
        run_id: run,
        scope: row.scope,
        node: row.node,
        generation: 0,
        round: 0,
        attempt: u32::try_from(row.attempt).expect("a number"),
    }
}

#[tokio::test]
async fn the_same_end_twice_changes_nothing() {
    let fixture = Fixture::new().await;
    let flow = Flow::new().work("a b").edges("start>a a>b");
    let run = fixture.start(fixture.publish(&flow).await).await;
    let end = RunEvent::Ended(attempt(&fixture, run, "a").await, Ok(done(json!(1))));

    let tx = fixture.fixture.queue().begin().await.expect("begun");
    let answers = advance(&tx, vec![(run, end.clone()), (run, end.clone())]).await.expect("moved");
    tx.commit().await.expect("committed");
    let once = (fixture.row(run).await, fixture.nodes(run).await);
    let tx = fixture.fixture.queue().begin().await.expect("begun");
    let again = advance(&tx, vec![(run, end)]).await.expect("moved");
    tx.commit().await.expect("committed");

    assert!(answers[0].is_ok() && answers[1].is_err() && again[0].is_err());
    assert_eq!((fixture.row(run).await, fixture.nodes(run).await), once);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_the_run_as_it_was() {
    let fixture = Fixture::new().await;
    let flow = Flow::new().work("a b").edges("start>a a>b");
    let run = fixture.start(fixture.publish(&flow).await).await;
    let before = (fixture.row(run).await, fixture.nodes(run).await);
    let end = RunEvent::Ended(attempt(&fixture, run, "a").await, Ok(done(json!(1))));

    let tx = fixture.fixture.queue().begin().await.expect("begun");
    advance(&tx, vec![(run, end)]).await.expect("moved");
    drop(tx);

    assert_eq!((fixture.row(run).await, fixture.nodes(run).await), before);
    fixture.fixture.work().await;
    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    assert_eq!(fixture.ran(), ["a", "b"]);
}

#[tokio::test]
async fn ends_of_several_runs_are_taken_by_one_transaction() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&Flow::new().work("a b").edges("start>a a>b")).await;
    let mut events = Vec::new();
    let mut runs = Vec::new();
    for _ in 0..20 {
        let run = fixture.start(workflow).await;
        events.push((run, RunEvent::Ended(attempt(&fixture, run, "a").await, Ok(done(json!(1))))));
        runs.push(run);
    }

    let tx = fixture.fixture.queue().begin().await.expect("begun");
    let answers = advance(&tx, events).await.expect("moved");
    tx.commit().await.expect("committed");

    assert!(answers.iter().all(Result::is_ok));
    fixture.fixture.work().await;
    for run in runs {
        assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    }
}

#[tokio::test]
async fn a_run_whose_version_is_gone_fails() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&Flow::new().work("a").edges("start>a")).await;
    let run = fixture.start(workflow).await;
    let db = fixture.fixture.queue().db();
    let mut row = fixture.row(run).await.into_active_model();
    row.version_id = Set(WorkflowVersionId::new());
    let this = workflow_runs::Column::Id.eq(run);
    workflow_runs::Entity::update_many().set(row).filter(this).exec(db).await.expect("changed");

    fixture.fixture.work().await;

    assert_eq!(fixture.status(run).await, RunStatus::Failed);
    assert_eq!(fixture.failure(run).await, "VERSION_MISSING");
}
