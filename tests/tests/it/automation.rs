//! Runs of workflows with workers, on both databases and transports.

mod actions;
mod crashes;
mod fixture;
mod hooks;
mod integrations;
mod locks;
mod product;
mod schedules;
mod webhooks;

use atelier_automation::{
    graph::Graph,
    runs::{Preview, RunError, SignalInput, StartInput},
    testing::{broken, child, items, waiting},
};
use atelier_entities::{
    RunId, RunStatus, WaitKind, WorkflowId, workflow_node_runs, workflow_runs, workflows,
};
use atelier_foundation::Page;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use actions::{
    an_event_starts_the_run_of_each_trigger_once, cancelled_runs_take_the_jobs_along_that_they_wait_for,
    jobs_of_actions_are_started_and_awaited_once,
};
use crashes::{
    a_run_goes_on_where_its_workers_were_killed, a_transport_that_forgets_costs_no_run_a_step,
    delays_that_fall_due_without_a_scheduler_end_once_it_is_back,
};
use fixture::Fixture;
use schedules::{
    ends_of_runs_start_what_waits_in_their_schedule,
    schedules_fire_once_with_two_schedulers_and_after_a_downtime,
    schedules_that_are_changed_while_they_fire_stay_consistent,
};

/// A graph of these nodes, with edges such as `a>b` and `ask.approved>b`.
fn graph(nodes: &[(&str, &str, Value)], edges: &str) -> Graph {
    let nodes: Vec<_> = nodes
        .iter()
        .map(|(key, kind, more)| {
            let mut node = json!({"key": key, "type": kind});
            node.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            node
        })
        .collect();
    let edges: Vec<_> = edges
        .split_whitespace()
        .map(|edge| {
            let (from, to) = edge.split_once('>').expect("an edge");
            let (from, port) = from.split_once('.').unwrap_or((from, "main"));
            json!({"from": from, "from_port": port, "to": to})
        })
        .collect();
    serde_json::from_value(json!({"nodes": nodes, "edges": edges})).expect("a graph")
}

fn work() -> Value {
    json!({"config": {"fields": {}}})
}

fn chain() -> Graph {
    graph(
        &[
            ("start", "manual", json!({})),
            ("a", "transform", work()),
            ("b", "transform", work()),
            ("c", "transform", work()),
        ],
        "start>a a>b b>c",
    )
}

fn signal(id: &str) -> SignalInput {
    SignalInput { id: Some(id.to_owned()), key: "go".to_owned(), payload: json!({"from": "\0 a person"}) }
}

/// Runs each case with every kind of database and transport that it is for.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(super::Fixture::sqlite().await).await;
            })+
        }
        mod postgres_redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(super::Fixture::postgres_redis().await).await;
            })+
        }
    };
}

cases![
    many_runs_end_with_each_node_run_once,
    a_loop_runs_each_item_once_within_its_window,
    a_tree_of_runs_is_cancelled_while_its_jobs_run,
    a_signal_reaches_the_run_before_and_after_it_waits,
    concurrent_starts_never_exceed_the_limit,
    a_failed_run_is_retried_where_it_failed,
    what_lost_its_job_is_repaired,
    people_read_what_nodes_were_given_and_gave,
    jobs_of_actions_are_started_and_awaited_once,
    cancelled_runs_take_the_jobs_along_that_they_wait_for,
    an_event_starts_the_run_of_each_trigger_once,
    schedules_fire_once_with_two_schedulers_and_after_a_downtime,
    ends_of_runs_start_what_waits_in_their_schedule,
    schedules_that_are_changed_while_they_fire_stay_consistent,
    a_run_goes_on_where_its_workers_were_killed,
    delays_that_fall_due_without_a_scheduler_end_once_it_is_back,
    a_transport_that_forgets_costs_no_run_a_step,
];

async fn many_runs_end_with_each_node_run_once(fixture: Fixture) {
    let workflow = fixture.publish(&chain(), |_| {}).await;
    let _workers = [fixture.worker(8), fixture.worker(8)];
    let mut runs = Vec::new();
    for _ in 0..60 {
        runs.push(fixture.start(workflow).await);
    }

    for run in &runs {
        fixture.reaches(*run, RunStatus::Succeeded).await;
    }

    assert_eq!(fixture.script().ran().len(), 180);
    let nodes = workflow_node_runs::Entity::find().filter(workflow_node_runs::Column::State.eq("succeeded"));
    assert_eq!(nodes.count(fixture.queue().db()).await.expect("counted"), 240);
}

async fn a_loop_runs_each_item_once_within_its_window(fixture: Fixture) {
    let body = json!({
        "nodes": [
            {"key": "x", "type": "transform", "config": {"fields": {}}},
            {"key": "y", "type": "transform", "config": {"fields": {}}},
        ],
        "edges": [{"from": "x", "to": "y"}],
    });
    let each = json!({
        "config": {"items": [], "concurrency": 5, "on_item_error": "continue"},
        "body": body,
    });
    let nodes = [("start", "manual", json!({})), ("each", "loop", each), ("after", "transform", work())];
    let workflow = fixture.publish(&graph(&nodes, "start>each each.done>after"), |_| {}).await;
    let list: Vec<Value> = (0..40).map(Value::from).collect();
    fixture.script().add("each", [items(&list)]);
    fixture.script().add("y", [broken(), broken()]);
    let _workers = [fixture.worker(4), fixture.worker(4)];

    let run = fixture.start(workflow).await;
    fixture.reaches(run, RunStatus::Succeeded).await;
    let before = fixture.script().ran();
    fixture.runs().retry_items(&fixture.actor(), run, ("", "each")).await.expect("retried");
    fixture.reaches(run, RunStatus::Succeeded).await;

    assert_eq!(before.len(), 82);
    // The two failed nodes and what follows the loop.
    assert_eq!(fixture.script().ran().len(), 85);
}

async fn a_tree_of_runs_is_cancelled_while_its_jobs_run(fixture: Fixture) {
    let called = [("called", "called", json!({})), ("inner", "transform", work())];
    let inner = fixture.publish(&graph(&called, "called>inner"), |_| {}).await;
    let call = json!({"config": {"workflow": "x"}});
    let nodes = [("start", "manual", json!({})), ("call", "sub_workflow", call)];
    let outer = fixture.publish(&graph(&nodes, "start>call"), |_| {}).await;
    fixture.script().add("call", (0..10).map(|_| child(inner, json!(null))));
    fixture.script().add("inner", (0..10).map(|_| waiting(WaitKind::Signal, Some("never"), None)));
    let _worker = fixture.worker(8);
    let mut runs = Vec::new();
    for _ in 0..10 {
        runs.push(fixture.start(outer).await);
    }

    for run in &runs {
        // Whatever the run does at this moment.
        fixture.runs().cancel(&fixture.actor(), *run).await.expect("cancelled");
    }

    fixture
        .until("the jobs have ended", async || (fixture.count_unfinished_jobs().await == 0).then_some(()))
        .await;
    let all = workflow_runs::Entity::find().all(fixture.queue().db()).await.expect("listed");
    assert!(all.iter().all(|run| run.status == RunStatus::Cancelled), "{all:?}");
}

async fn a_signal_reaches_the_run_before_and_after_it_waits(fixture: Fixture) {
    let wait = json!({"config": {"signal": "go"}});
    let nodes = [("start", "manual", json!({})), ("wait", "wait_signal", wait), ("a", "transform", work())];
    let workflow = fixture.publish(&graph(&nodes, "start>wait wait.received>a"), |_| {}).await;
    fixture.script().add("wait", (0..2).map(|_| waiting(WaitKind::Signal, Some("go"), None)));
    let (early, late) = (fixture.start(workflow).await, fixture.start(workflow).await);

    fixture.runs().signal(&fixture.actor(), early, signal("1")).await.expect("sent");
    let _worker = fixture.worker(4);
    fixture.reaches(early, RunStatus::Succeeded).await;
    fixture.reaches(late, RunStatus::Waiting).await;
    for _ in 0..2 {
        // The second one is the same signal, for a run that may have ended.
        let sent = fixture.runs().signal(&fixture.actor(), late, signal("1")).await;
        assert!(matches!(sent, Ok(_) | Err(RunError::WrongState { .. })), "{sent:?}");
    }
    fixture.reaches(late, RunStatus::Succeeded).await;

    assert_eq!(fixture.script().ran(), ["a", "a", "wait", "wait"]);
}

async fn concurrent_starts_never_exceed_the_limit(fixture: Fixture) {
    let wait = json!({"config": {"signal": "go"}});
    let nodes = [("start", "manual", json!({})), ("wait", "wait_signal", wait)];
    let limited = json!({"concurrency": {"limit": 3, "when_full": "queue", "max_queued": 50}});
    let change = |row: &mut workflows::ActiveModel| row.settings = Set(limited);
    let workflow: WorkflowId = fixture.publish(&graph(&nodes, "start>wait"), change).await;
    fixture.script().add("wait", (0..12).map(|_| waiting(WaitKind::Signal, Some("go"), None)));
    let _worker = fixture.worker(8);

    let starts = (0..12).map(|_| fixture.start(workflow));
    let runs: Vec<RunId> = futures::future::join_all(starts).await;
    for _ in 0..12 {
        let waiting = fixture
            .until("three runs wait, or the last ones", async || {
                let open = fixture.list_open(workflow).await;
                let under_way = open.iter().filter(|(_, status)| *status != RunStatus::Queued).count();
                assert!(under_way <= 3, "{open:?}");
                let is_full = under_way == open.len().min(3);
                let all_wait = open.iter().all(|(_, status)| *status != RunStatus::Running);
                let first = open.iter().find(|(_, status)| *status != RunStatus::Queued);
                (is_full && all_wait).then(|| first.map(|(run, _)| *run))
            })
            .await;
        let Some(first) = waiting else { break };
        fixture.runs().signal(&fixture.actor(), first, signal("1")).await.expect("sent");
    }

    for run in runs {
        fixture.reaches(run, RunStatus::Succeeded).await;
    }
}

async fn a_failed_run_is_retried_where_it_failed(fixture: Fixture) {
    let workflow = fixture.publish(&chain(), |_| {}).await;
    fixture.script().add("b", [broken()]);
    let _worker = fixture.worker(4);
    let run = fixture.start(workflow).await;
    fixture.reaches(run, RunStatus::Failed).await;

    fixture.runs().retry(&fixture.actor(), run).await.expect("retried");
    fixture.reaches(run, RunStatus::Succeeded).await;
    let again = fixture.runs().rerun(&fixture.actor(), run, Default::default()).await.expect("started").run;
    fixture.reaches(again.id, RunStatus::Succeeded).await;

    assert_eq!(fixture.script().ran(), ["a", "a", "b", "b", "b", "c", "c"]);
}

async fn what_lost_its_job_is_repaired(fixture: Fixture) {
    let workflow = fixture.publish(&chain(), |_| {}).await;
    let input = StartInput { input: json!({"n": 1}), ..StartInput::default() };
    let run = fixture.runs().start(&fixture.actor(), workflow, input).await.expect("started").run.id;
    fixture.delete_jobs().await;
    let _worker = fixture.worker(4);

    fixture.reconcile().await;

    fixture.reaches(run, RunStatus::Succeeded).await;
    assert_eq!(fixture.script().ran(), ["a", "b", "c"]);
}

async fn people_read_what_nodes_were_given_and_gave(fixture: Fixture) {
    let called = [("called", "called", json!({})), ("inner", "transform", work())];
    let inner = fixture.publish(&graph(&called, "called>inner"), |_| {}).await;
    let body = json!({"nodes": [{"key": "x", "type": "transform", "config": {"fields": {}}}], "edges": []});
    let nodes = [
        ("start", "manual", json!({})),
        ("off", "transform", json!({"config": {"fields": {}}, "disabled": true})),
        ("call", "sub_workflow", json!({"config": {"workflow": "x"}})),
        ("each", "loop", json!({"config": {"items": []}, "body": body})),
        ("after", "transform", work()),
    ];
    let edges = "start>off off>call call>each each.done>after off>after";
    let workflow = fixture.publish(&graph(&nodes, edges), |_| {}).await;
    fixture.script().add("call", [child(inner, json!({"x": 1}))]);
    fixture.script().add("each", [items(&[json!("first"), json!("second")])]);
    let _worker = fixture.worker(4);
    let run = fixture.start(workflow).await;
    fixture.reaches(run, RunStatus::Succeeded).await;

    let (runs, actor) = (fixture.runs(), fixture.actor());
    let view = runs.get(&actor, run, None, Page { number: 1, size: 50 }).await.expect("there");

    let results = json!({"results": [{"from": "x"}, {"from": "x"}], "errors": [], "total": 2, "succeeded": 2, "failed": 0});
    let value = |preview: Option<Preview>| preview.and_then(|preview| preview.value);
    let node = |key: &str| view.nodes.iter().find(|node| node.summary.node == key).expect("a node").clone();
    let (off, each) = (node("off"), node("each"));
    assert_eq!((value(off.input), value(off.output)), (Some(json!({"n": 7})), Some(json!({"n": 7}))));
    assert_eq!(
        (value(each.input), each.inputs),
        (Some(json!({"from": "inner"})), vec!["call.main>each.in".into()])
    );
    let item = view.nodes.iter().find(|node| node.summary.scope == "each[1]").expect("a node").clone();
    assert_eq!(value(item.input), Some(json!("second")));
    let output = runs.get_output(&actor, run, ("", "each")).await.expect("read");
    assert_eq!(output.as_ref(), Some(&results));
    let input = runs.get_node_input(&actor, run, ("", "after")).await.expect("read");
    assert_eq!(input, Some(json!([results, {"n": 7}])));
}
