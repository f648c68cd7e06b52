//! Waits, signals, approvals; pause and resume.

use atelier_entities::{NodeState, RunStatus, WaitKind, workflow_waits};
use atelier_foundation::Problem;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::*;
use crate::runs::{Decision, RunError, SignalInput};

fn signal(id: &str, payload: Value) -> SignalInput {
    SignalInput { id: Some(id.into()), key: "paid".into(), payload }
}

fn waits_for_payment() -> Flow {
    Flow::new()
        .add("wait", "wait_signal", json!({"signal": "paid"}))
        .work("after late")
        .edges("start>wait wait.received>after wait.timeout>late")
}

#[tokio::test]
async fn a_delay_holds_no_worker_and_goes_on_when_its_time_has_come() {
    let fixture = Fixture::new().await;
    let flow =
        Flow::new().add("wait", "delay", json!({"seconds": 60})).work("after").edges("start>wait wait>after");
    let due = fixture.fixture.queue().now() + TimeDelta::seconds(60);
    fixture.script("wait", [waiting(WaitKind::Delay, None, Some(due))]);

    let run = fixture.run(fixture.publish(&flow).await).await;

    let row = fixture.row(run).await;
    assert_eq!((row.status, row.working, row.waiting), (RunStatus::Waiting, 0, 1));
    fixture.fixture.advance(59);
    fixture.fixture.work().await;
    assert_eq!(fixture.status(run).await, RunStatus::Waiting);
    fixture.fixture.advance(2);
    fixture.fixture.work().await;
    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    assert_eq!(fixture.ran(), ["after", "wait"]);
}

#[tokio::test]
async fn a_signal_that_came_before_the_wait_is_not_lost() {
    let fixture = Fixture::new().await;
    let run = fixture.start(fixture.publish(&waits_for_payment()).await).await;
    fixture.script("wait", [waiting(WaitKind::Signal, Some("paid"), None)]);

    fixture.runs().signal(&fixture.actor(), run, signal("1", json!({"amount": 5}))).await.expect("sent");
    fixture.fixture.work().await;

    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    assert_eq!(
        fixture.states(run, "after late").await,
        [Some(NodeState::Succeeded), Some(NodeState::Skipped)]
    );
    assert_eq!(fixture.nodes(run).await["wait"].output, Some(json!({"amount": 5})));
}

#[tokio::test]
async fn a_signal_ends_the_wait_for_it_and_is_taken_once() {
    let fixture = Fixture::new().await;
    let due = fixture.fixture.queue().now() + TimeDelta::seconds(60);
    fixture.script("wait", [waiting(WaitKind::Signal, Some("paid"), Some(due))]);
    let run = fixture.run(fixture.publish(&waits_for_payment()).await).await;

    for _ in 0..2 {
        fixture.runs().signal(&fixture.actor(), run, signal("1", json!(1))).await.expect("sent");
    }
    fixture.fixture.advance(61);
    fixture.fixture.work().await;

    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    assert_eq!(fixture.ran(), ["after", "wait"]);
    assert_eq!(fixture.count_unfinished_jobs(run).await, 0);
    let late = fixture.runs().signal(&fixture.actor(), run, signal("2", json!(1))).await;
    assert!(matches!(late, Err(RunError::WrongState { .. })), "{late:?}");
}

#[tokio::test]
async fn a_wait_that_nobody_answers_leaves_by_its_timeout() {
    let fixture = Fixture::new().await;
    let due = fixture.fixture.queue().now() + TimeDelta::seconds(60);
    fixture.script("wait", [waiting(WaitKind::Signal, Some("paid"), Some(due))]);
    let run = fixture.run(fixture.publish(&waits_for_payment()).await).await;

    fixture.fixture.advance(61);
    fixture.fixture.work().await;

    assert_eq!(fixture.ran(), ["late", "wait"]);
    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
}

fn asks() -> Flow {
    Flow::new()
        .add("ask", "approval", json!({"message": "Really?"}))
        .work("yes no")
        .edges("start>ask ask.approved>yes ask.rejected>no")
}

fn decision(approved: bool) -> Decision {
    Decision { approved, comment: Some("Fine.".into()) }
}

#[tokio::test]
async fn an_approval_is_decided_once() {
    let fixture = Fixture::new().await;
    fixture.script("ask", [waiting(WaitKind::Approval, None, None)]);
    let run = fixture.run(fixture.publish(&asks()).await).await;
    let runs = fixture.runs();

    runs.decide(&fixture.actor(), run, ("", "ask"), decision(false)).await.expect("decided");
    let again = runs.decide(&fixture.actor(), run, ("", "ask"), decision(true)).await;
    fixture.fixture.work().await;

    let refusal = again.expect_err("the wait is over").refusal();
    assert_eq!((refusal.code, refusal.class), ("WAIT_OVER", atelier_foundation::Class::Gone));
    assert_eq!(fixture.ran(), ["ask", "no"]);
    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    let output = fixture.nodes(run).await["ask"].output.clone().expect("an output");
    assert_eq!((&output["approved"], &output["comment"]), (&json!(false), &json!("Fine.")));
}

#[tokio::test]
async fn the_token_of_an_approval_is_good_for_one_decision() {
    let fixture = Fixture::new().await;
    fixture.script("ask", [waiting(WaitKind::Approval, None, None)]);
    let run = fixture.run(fixture.publish(&asks()).await).await;
    let (runs, anybody) = (fixture.runs(), Actor::anonymous());
    let first = runs.create_approval_token(&fixture.actor(), run, ("", "ask")).await.expect("a token");
    let token = runs.create_approval_token(&fixture.actor(), run, ("", "ask")).await.expect("a token");

    let replaced = runs.decide_by_token(&anybody, &first, decision(true)).await;
    runs.decide_by_token(&anybody, &token, decision(true)).await.expect("decided");
    let again = runs.decide_by_token(&anybody, &token, decision(true)).await;
    fixture.fixture.work().await;

    assert!(matches!(replaced, Err(RunError::NotFound(_))), "{replaced:?}");
    assert!(matches!(again, Err(RunError::WaitOver)), "{again:?}");
    assert_eq!(fixture.ran(), ["ask", "yes"]);
    let waits = workflow_waits::Entity::find().filter(workflow_waits::Column::RunId.eq(run));
    let wait = waits.one(fixture.fixture.queue().db()).await.expect("asked").expect("there");
    assert!(wait.closed && wait.answered_by.is_none() && wait.answered_at.is_some());
    assert_eq!(wait.question, Some(json!({"message": "Really?"})));
    assert_ne!(wait.token_hash, Some(token));
}

#[tokio::test]
async fn waits_of_parallel_branches_are_answered_in_any_order() {
    let fixture = Fixture::new().await;
    let flow = Flow::new()
        .add("one", "approval", json!({"message": "One?"}))
        .add("two", "approval", json!({"message": "Two?"}))
        .merge("join")
        .edges("start>one start>two one.approved>join two.approved>join");
    for node in ["one", "two"] {
        fixture.script(node, [waiting(WaitKind::Approval, None, None)]);
    }
    let run = fixture.run(fixture.publish(&flow).await).await;

    for node in ["two", "one"] {
        fixture.runs().decide(&fixture.actor(), run, ("", node), decision(true)).await.expect("decided");
    }
    fixture.fixture.work().await;

    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    assert_eq!(fixture.ran(), ["join", "one", "two"]);
}

#[tokio::test]
async fn a_paused_run_starts_nothing_until_it_is_resumed() {
    let fixture = Fixture::new().await;
    let run = fixture.start(fixture.publish(&Flow::new().work("a b").edges("start>a a>b")).await).await;

    fixture.runs().pause(&fixture.actor(), run).await.expect("paused");
    fixture.fixture.work().await;
    let paused = fixture.row(run).await;
    let ran = fixture.ran();
    fixture.runs().resume(&fixture.actor(), run).await.expect("resumed");
    fixture.fixture.work().await;

    assert_eq!((paused.status, paused.paused_by), (RunStatus::Paused, Some(fixture.user)));
    assert_eq!(ran, [""; 0]);
    let row = fixture.row(run).await;
    assert_eq!((row.status, row.paused_by), (RunStatus::Succeeded, None));
    assert_eq!(fixture.ran(), ["a", "b"]);
}

#[tokio::test]
async fn a_wait_whose_time_comes_in_a_pause_goes_on_after_it() {
    let fixture = Fixture::new().await;
    let flow =
        Flow::new().add("wait", "delay", json!({"seconds": 60})).work("after").edges("start>wait wait>after");
    let due = fixture.fixture.queue().now() + TimeDelta::seconds(60);
    fixture.script("wait", [waiting(WaitKind::Delay, None, Some(due))]);
    let run = fixture.run(fixture.publish(&flow).await).await;

    fixture.runs().pause(&fixture.actor(), run).await.expect("paused");
    fixture.fixture.advance(61);
    fixture.fixture.work().await;
    let in_pause = fixture.states(run, "wait").await;
    fixture.runs().resume(&fixture.actor(), run).await.expect("resumed");
    fixture.fixture.work().await;

    assert_eq!(in_pause, [Some(NodeState::Waiting)]);
    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
}
