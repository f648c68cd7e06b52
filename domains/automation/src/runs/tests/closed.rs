//! Runs of people who close their accounts.

use atelier_entities::{NodeState, RunStatus, WaitKind, account_erasures};
use atelier_foundation::{PersonalData, personal::Erasing};
use sea_orm::{ActiveValue::Set, EntityTrait, PaginatorTrait};
use serde_json::json;

use super::*;
use crate::runs::{Decision, OwnedRuns};

/// Writes the row by which an account is closed.
async fn close(fixture: &Fixture) {
    let queue = fixture.fixture.queue();
    let row = account_erasures::ActiveModel {
        user_id: Set(fixture.user),
        addresses: Set(json!([])),
        since: Set(queue.now()),
        erased: Set(json!({})),
        created_at: Set(queue.now()),
    };
    account_erasures::Entity::insert(row).exec_without_returning(queue.db()).await.expect("closed");
}

async fn count_runs(fixture: &Fixture) -> u64 {
    workflow_runs::Entity::find().count(fixture.fixture.queue().db()).await.expect("counted")
}

#[tokio::test]
async fn a_failed_node_that_continues_does_not_go_on_once_the_account_is_closed() {
    let fixture = Fixture::new().await;
    let flow = Flow::new().work("a b").edges("start>a a>b").policy("a", json!({"on_error": "continue"}));
    fixture.script("a", [broken()]);
    let run = fixture.start(fixture.publish(&flow).await).await;

    close(&fixture).await;
    fixture.fixture.work().await;

    assert_eq!(fixture.status(run).await, RunStatus::Cancelled);
    assert_eq!(fixture.states(run, "a b").await, [Some(NodeState::Cancelled); 2]);
    assert_eq!((fixture.ran(), fixture.count_unfinished_jobs(run).await), (vec!["a".to_owned()], 0));
}

#[tokio::test]
async fn whatever_happens_to_a_run_of_a_closed_account_cancels_it() {
    let fixture = Fixture::new().await;
    let flow = Flow::new()
        .add("ask", "approval", json!({"message": "?"}))
        .work("yes")
        .edges("start>ask ask.approved>yes");
    let workflow = fixture.publish(&flow).await;
    fixture.script("ask", (0..2).map(|_| waiting(WaitKind::Approval, None, None)));
    let (answered, paused) = (fixture.run(workflow).await, fixture.run(workflow).await);
    fixture.runs().pause(&fixture.actor(), paused).await.expect("paused");

    close(&fixture).await;
    let decision = Decision { approved: true, comment: None };
    fixture.runs().decide(&fixture.actor(), answered, ("", "ask"), decision).await.expect("decided");
    fixture.runs().resume(&fixture.actor(), paused).await.expect("resumed");
    fixture.fixture.work().await;

    for run in [answered, paused] {
        assert_eq!(fixture.status(run).await, RunStatus::Cancelled);
        assert_eq!(fixture.states(run, "ask yes").await, [Some(NodeState::Cancelled); 2]);
    }
}

#[tokio::test]
async fn the_runs_of_a_closed_account_are_cancelled_and_erased_in_batches() {
    let fixture = Fixture::new().await;
    let flow = Flow::new().add("wait", "wait_signal", json!({"signal": "go"})).edges("start>wait");
    let workflow = fixture.publish(&flow).await;
    fixture.script("wait", (0..3).map(|_| waiting(WaitKind::Signal, Some("go"), None)));
    for _ in 0..3 {
        fixture.run(workflow).await;
    }
    let person = Erasing { user: fixture.user, addresses: Vec::new(), since: fixture.fixture.queue().now() };
    close(&fixture).await;

    let mut left = Vec::new();
    for is_committed in [true, false, true, true, true] {
        let tx = fixture.fixture.queue().begin().await.expect("begun");
        let erased = OwnedRuns.erase(&tx, &person, 1).await.expect("erased");
        if is_committed {
            tx.commit().await.expect("committed");
        } else {
            tx.rollback().await.expect("rolled back");
        }
        left.push((erased.rows, erased.is_done, count_runs(&fixture).await));
    }

    let dead = (1, false, 2);
    assert_eq!(left, [(1, false, 2), dead, (1, false, 1), (1, false, 0), (0, true, 0)]);
}

#[tokio::test]
async fn closing_an_account_with_runs_under_way_leaves_none_of_them() {
    let fixture = Fixture::new().await;
    let flow = Flow::new().add("wait", "wait_signal", json!({"signal": "go"})).edges("start>wait");
    let workflow = fixture.publish(&flow).await;
    fixture.script("wait", (0..2).map(|_| waiting(WaitKind::Signal, Some("go"), None)));
    for _ in 0..2 {
        fixture.run(workflow).await;
    }

    let identity = &fixture.fixture.services.foundation.identity;
    identity.erase_account(&fixture.actor(), fixture.user).await.expect("closed");
    let before = count_runs(&fixture).await;
    fixture.fixture.finish_erasures().await;

    assert_eq!((before, count_runs(&fixture).await), (2, 0));
}
