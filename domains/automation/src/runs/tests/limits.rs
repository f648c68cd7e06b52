//! How many runs of a workflow are under way: counted from rows.

use atelier_entities::{RunStatus, WaitKind};
use serde_json::json;

use super::*;
use crate::runs::RunError;

fn held() -> Flow {
    Flow::new().add("wait", "wait_signal", json!({"signal": "go"})).edges("start>wait")
}

fn limited(when_full: &str) -> Value {
    json!({"concurrency": {"limit": 1, "when_full": when_full, "max_queued": 2}})
}

async fn publish(fixture: &Fixture, settings: Value) -> WorkflowId {
    fixture.script("wait", (0..10).map(|_| waiting(WaitKind::Signal, Some("go"), None)));
    fixture.publish_with(&held(), settings, |_| {}).await
}

async fn try_start(fixture: &Fixture, workflow: WorkflowId) -> Result<RunId, RunError> {
    fixture
        .runs()
        .start(&fixture.actor(), workflow, StartInput::default())
        .await
        .map(|started| started.run.id)
}

#[tokio::test]
async fn a_run_beyond_the_limit_is_refused_until_one_has_ended() {
    let fixture = Fixture::new().await;
    let workflow = publish(&fixture, limited("skip")).await;
    let first = fixture.run(workflow).await;

    let refused = try_start(&fixture, workflow).await;
    fixture.runs().cancel(&fixture.actor(), first).await.expect("cancelled");
    let next = try_start(&fixture, workflow).await;

    assert!(matches!(refused, Err(RunError::Busy(1))), "{refused:?}");
    assert!(next.is_ok(), "a cancelled run leaves its place: {next:?}");
}

#[tokio::test]
async fn queued_runs_start_in_order_as_others_end() {
    let fixture = Fixture::new().await;
    let workflow = publish(&fixture, limited("queue")).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(try_start(&fixture, workflow).await.expect("accepted"));
    }
    let full = try_start(&fixture, workflow).await;
    fixture.fixture.work().await;
    let statuses = async || futures::future::join_all(runs.iter().map(|run| fixture.status(*run))).await;

    let before = statuses().await;
    fixture.runs().cancel(&fixture.actor(), runs[0]).await.expect("cancelled");
    fixture.fixture.work().await;
    let after = statuses().await;

    use RunStatus::{Cancelled, Queued, Waiting};
    assert!(matches!(full, Err(RunError::QueueFull(2))), "{full:?}");
    assert_eq!(before, [Waiting, Queued, Queued]);
    assert_eq!(after, [Cancelled, Waiting, Queued]);
}

/// [kestra#13743], [kestra#13211]
#[tokio::test]
async fn as_many_queued_runs_start_as_were_cancelled_at_once() {
    let fixture = Fixture::new().await;
    let settings = json!({"concurrency": {"limit": 3, "when_full": "queue", "max_queued": 10}});
    let workflow = publish(&fixture, settings).await;
    let mut runs = Vec::new();
    for _ in 0..7 {
        runs.push(try_start(&fixture, workflow).await.expect("accepted"));
    }
    fixture.fixture.work().await;

    for run in &runs[..2] {
        fixture.runs().cancel(&fixture.actor(), *run).await.expect("cancelled");
    }
    fixture.fixture.work().await;

    let statuses = futures::future::join_all(runs.iter().map(|run| fixture.status(*run))).await;
    use RunStatus::{Cancelled, Queued, Waiting};
    assert_eq!(statuses, [Cancelled, Cancelled, Waiting, Waiting, Waiting, Queued, Queued]);
}

#[tokio::test]
async fn a_cancelled_queued_run_never_starts_and_takes_no_place() {
    let fixture = Fixture::new().await;
    let workflow = publish(&fixture, limited("queue")).await;
    let first = fixture.run(workflow).await;
    let second = try_start(&fixture, workflow).await.expect("accepted");
    let third = try_start(&fixture, workflow).await.expect("accepted");

    fixture.runs().cancel(&fixture.actor(), second).await.expect("cancelled");
    fixture.runs().cancel(&fixture.actor(), first).await.expect("cancelled");
    fixture.fixture.work().await;

    assert_eq!(fixture.status(second).await, RunStatus::Cancelled);
    assert_eq!(fixture.status(third).await, RunStatus::Waiting);
}

#[tokio::test]
async fn the_oldest_run_makes_room_for_a_new_one() {
    let fixture = Fixture::new().await;
    let workflow = publish(&fixture, limited("cancel_older")).await;
    let first = fixture.run(workflow).await;

    let second = try_start(&fixture, workflow).await.expect("accepted");
    fixture.fixture.work().await;

    assert_eq!(fixture.status(first).await, RunStatus::Cancelled);
    assert_eq!(fixture.status(second).await, RunStatus::Waiting);
}

#[tokio::test]
async fn queued_runs_start_once_the_limit_is_gone_or_raised() {
    let fixture = Fixture::new().await;
    let workflow = publish(&fixture, limited("queue")).await;
    fixture.run(workflow).await;
    let second = try_start(&fixture, workflow).await.expect("accepted");
    let third = try_start(&fixture, workflow).await.expect("accepted");

    fixture.change_settings(workflow, json!({"concurrency": {"limit": 2, "when_full": "queue"}})).await;
    fixture.reconcile().await;
    let raised = (fixture.status(second).await, fixture.status(third).await);
    fixture.change_settings(workflow, json!({})).await;
    fixture.reconcile().await;

    assert_eq!(raised, (RunStatus::Waiting, RunStatus::Queued));
    assert_eq!(fixture.status(third).await, RunStatus::Waiting);
}

#[tokio::test]
async fn a_retried_run_counts_like_a_new_one() {
    let fixture = Fixture::new().await;
    let workflow = publish(&fixture, limited("skip")).await;
    fixture.script("fails", [broken()]);
    let flow = Flow::new()
        .work("fails")
        .add("wait", "wait_signal", json!({"signal": "go"}))
        .edges("start>fails start>wait");
    let failing = fixture.publish_with(&flow, limited("skip"), |_| {}).await;
    let failed = fixture.run(failing).await;
    fixture.run(failing).await;
    fixture.run(workflow).await;

    let refused = fixture.runs().retry(&fixture.actor(), failed).await;

    assert_eq!(fixture.status(failed).await, RunStatus::Failed);
    assert!(matches!(refused, Err(RunError::Busy(1))), "{refused:?}");
}

#[tokio::test]
async fn a_queued_run_says_what_it_waits_for() {
    let fixture = Fixture::new().await;
    let workflow = publish(&fixture, limited("queue")).await;
    let first = fixture.run(workflow).await;
    try_start(&fixture, workflow).await.expect("accepted");
    let third = try_start(&fixture, workflow).await.expect("accepted");

    let queued = fixture.runs().why(&fixture.actor(), third).await.expect("known");
    let waiting = fixture.runs().why(&fixture.actor(), first).await.expect("known");

    assert_eq!((queued[0].code.as_ref(), &queued[0].details["position"]), ("WORKFLOW_LIMIT", &json!(1)));
    assert_eq!(queued[0].details["limit"], 1);
    assert_eq!((waiting[0].code.as_ref(), &waiting[0].details["key"]), ("WAITING_FOR_SIGNAL", &json!("go")));
    assert_eq!(waiting[0].node, Some((String::new(), "wait".to_owned())));
}
