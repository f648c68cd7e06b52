//! Processes that die in the middle of runs, and a transport that forgets.

use std::collections::BTreeMap;

use atelier_automation::{
    graph::Graph,
    runs::RunNode,
    testing::{items, waiting},
};
use atelier_entities::{
    AttemptOutcome, JobState, NodeState, RunId, RunStatus, WaitKind, job_attempts, jobs, workflow_node_runs,
    workflow_runs,
};
use atelier_queue::Job;
use atelier_tests::until_statements_wait;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait};
use serde_json::{Value, json};

use super::{Fixture, graph, work};

/// A step, a loop whose items have a step, and a step.
fn with_loop() -> Graph {
    let body =
        json!({"nodes": [{"key": "item", "type": "transform", "config": {"fields": {}}}], "edges": []});
    let each = json!({"config": {"items": [], "concurrency": 2}, "body": body});
    let nodes = [
        ("start", "manual", json!({})),
        ("first", "transform", work()),
        ("each", "loop", each),
        ("last", "transform", work()),
    ];
    graph(&nodes, "start>first first>each each.done>last")
}

/// How often the attempts of each node began.
fn begun(fixture: &Fixture) -> BTreeMap<String, usize> {
    let mut begun = BTreeMap::new();
    for node in fixture.script().ran() {
        *begun.entry(node).or_default() += 1;
    }
    begun
}

async fn until_begun(fixture: &Fixture, node: &str, times: usize) {
    let what = format!("{node} begins {times} times");
    fixture.until(&what, async || (begun(fixture).get(node) == Some(&times)).then_some(())).await;
}

/// Checks that each node of the run succeeded by one job.
async fn check_each_node_ended_once(fixture: &Fixture, run: RunId, nodes: usize) {
    let db = fixture.queue().db();
    let rows = workflow_node_runs::Entity::find().filter(workflow_node_runs::Column::RunId.eq(run));
    let rows = rows.all(db).await.expect("listed");
    assert_eq!(rows.len(), nodes, "{rows:?}");
    assert!(rows.iter().all(|row| row.state == NodeState::Succeeded && row.attempt <= 1), "{rows:?}");
    let jobs = jobs::Entity::find().filter(jobs::Column::Kind.eq(RunNode::KIND));
    let jobs = jobs.filter(jobs::Column::SubjectId.eq(run.0)).all(db).await.expect("listed");
    assert_eq!(jobs.len(), nodes - 1, "a job for each node but the trigger: {jobs:?}");
    assert!(jobs.iter().all(|job| job.state == JobState::Succeeded), "{jobs:?}");
}

/// Lost attempts of nodes. A killed worker may have held other jobs too.
async fn count_lost(fixture: &Fixture) -> u64 {
    let nodes = jobs::Entity::find().select_only().column(jobs::Column::Id);
    let nodes = nodes.filter(jobs::Column::Kind.eq(RunNode::KIND)).into_query();
    let lost = job_attempts::Entity::find()
        .filter(job_attempts::Column::Outcome.eq(AttemptOutcome::Lost))
        .filter(job_attempts::Column::JobId.in_subquery(nodes));
    lost.count(fixture.queue().db()).await.expect("counted")
}

pub(super) async fn a_run_goes_on_where_its_workers_were_killed(fixture: Fixture) {
    let workflow = fixture.publish(&with_loop(), |_| {}).await;
    let script = fixture.script();
    script.add("each", [items(&[json!("a"), json!("b"), json!("c")])]);
    script.hold("first");
    script.hold("item");

    let worker = fixture.killable_worker();
    let run = fixture.start(workflow).await;
    until_begun(&fixture, "first", 1).await;
    worker.kill();
    script.release("first");
    let worker = fixture.killable_worker();
    for item in ["each[0].item", "each[1].item"] {
        until_begun(&fixture, item, 1).await;
    }
    worker.kill();
    script.release("item");
    let _worker = fixture.worker(4);
    fixture.reaches(run, RunStatus::Succeeded).await;

    let expected = [
        ("each", 1),
        ("each[0].item", 2),
        ("each[1].item", 2),
        ("each[2].item", 1),
        ("first", 2),
        ("last", 1),
    ];
    assert_eq!(begun(&fixture), expected.map(|(node, times)| (node.to_owned(), times)).into());
    assert_eq!(count_lost(&fixture).await, 3);
    check_each_node_ended_once(&fixture, run, 7).await;
    let output = fixture.runs().get_output(&fixture.actor(), run, ("", "each")).await.expect("read");
    let results = json!([{"from": "item"}, {"from": "item"}, {"from": "item"}]);
    assert_eq!(output.expect("an output")["results"], results);
}

/// Kills the worker while the end of its job waits for the lock of the run.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_in_an_effect_leaves_nothing_of_it() {
    let fixture = Fixture::postgres_redis().await;
    let nodes = [("start", "manual", json!({})), ("a", "transform", work()), ("b", "transform", work())];
    let workflow = fixture.publish(&graph(&nodes, "start>a a>b"), |_| {}).await;
    let run = fixture.start(workflow).await;
    let tx = fixture.queue().begin().await.expect("begun");
    workflow_runs::Entity::find_by_id(run).lock_exclusive().one(&*tx).await.expect("locked").expect("there");
    let worker = fixture.killable_worker();
    until_begun(&fixture, "a", 1).await;
    until_statements_wait(fixture.queue().db(), 1).await;

    worker.kill();
    tx.commit().await.expect("committed");
    fixture
        .until("the worker's lease is over", async || (count_lost(&fixture).await == 1).then_some(()))
        .await;
    let state = async |node: &str| {
        let row = workflow_node_runs::Entity::find_by_id((run, String::new(), node.to_owned()));
        row.one(fixture.queue().db()).await.expect("asked").map(|row| row.state)
    };
    assert_eq!((state("a").await, state("b").await), (Some(NodeState::Ready), None));
    let _worker = fixture.worker(4);
    fixture.reaches(run, RunStatus::Succeeded).await;

    assert_eq!(fixture.script().ran(), ["a", "a", "b"]);
    check_each_node_ended_once(&fixture, run, 3).await;
}

pub(super) async fn delays_that_fall_due_without_a_scheduler_end_once_it_is_back(fixture: Fixture) {
    let nodes = [
        ("start", "manual", json!({})),
        ("wait", "delay", json!({"config": {"seconds": 1}})),
        ("a", "transform", work()),
    ];
    let workflow = fixture.publish(&graph(&nodes, "start>wait wait>a"), |_| {}).await;
    let due = fixture.queue().now() + TimeDelta::seconds(1);
    fixture.script().add("wait", (0..5).map(|_| waiting(WaitKind::Delay, None, Some(due))));
    fixture.kill_scheduler();
    let _worker = fixture.worker(4);
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(fixture.start(workflow).await);
    }
    for run in &runs {
        fixture.reaches(*run, RunStatus::Waiting).await;
    }
    fixture.until("the delays are over", async || (fixture.queue().now() > due).then_some(())).await;
    let open = fixture.list_open(workflow).await;
    assert_eq!(open.iter().filter(|(_, status)| *status == RunStatus::Waiting).count(), 5, "{open:?}");

    fixture.start_scheduler();

    for run in runs {
        fixture.reaches(run, RunStatus::Succeeded).await;
    }
    assert_eq!(begun(&fixture), [("a".to_owned(), 5), ("wait".to_owned(), 5)].into());
}

pub(super) async fn a_transport_that_forgets_costs_no_run_a_step(fixture: Fixture) {
    let workflow = fixture.publish(&with_loop(), |_| {}).await;
    let list: Vec<Value> = (0..4).map(Value::from).collect();
    fixture.script().add("each", (0..10).map(|_| items(&list)));
    let mut runs = Vec::new();
    for _ in 0..10 {
        runs.push(fixture.start(workflow).await);
    }
    fixture.forget_transport().await;
    fixture.script().hold("item");
    let _workers = [fixture.worker(4), fixture.worker(4)];
    fixture
        .until("items begin", async || {
            let begun = begun(&fixture);
            begun.keys().any(|node| node.ends_with("item")).then_some(())
        })
        .await;

    fixture.forget_transport().await;
    fixture.script().release("item");

    for run in &runs {
        fixture.reaches(*run, RunStatus::Succeeded).await;
        check_each_node_ended_once(&fixture, *run, 8).await;
    }
    assert!(begun(&fixture).values().all(|times| *times == 10), "{:?}", begun(&fixture));
}
