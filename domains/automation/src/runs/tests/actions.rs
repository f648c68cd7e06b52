//! Actions of other domains that nodes start, and the ends of their jobs.

use atelier_entities::{JobId, JobState, NodeState, RunStatus, jobs, workflow_waits};
use atelier_queue::Job;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

use super::*;
use crate::testing::{Deed, deed};

fn acts() -> Flow {
    Flow::new().work("act after").edges("start>act act>after")
}

async fn deeds(fixture: &Fixture) -> Vec<jobs::Model> {
    fixture.fixture.jobs_of_kind(Deed::KIND).await
}

async fn only_deed(fixture: &Fixture) -> jobs::Model {
    let mut found = deeds(fixture).await;
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[tokio::test]
async fn a_node_gives_what_the_job_gave_that_it_started() {
    let fixture = Fixture::new().await;
    fixture.script("act", [deed(json!({"gives": {"url": "https://a.example"}}), None)]);

    let run = fixture.run(fixture.publish(&acts()).await).await;

    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    let job = only_deed(&fixture).await;
    let output = fixture.nodes(run).await["act"].output.clone().expect("an output");
    assert_eq!(output["url"], "https://a.example");
    assert_eq!((&output["job_id"], &output["kind"]), (&json!(job.id), &json!(Deed::KIND)));
    assert_eq!(job.args["awaited_by"], json!(run));
    assert_eq!(fixture.ran(), ["act", "after"]);
}

#[tokio::test]
async fn a_job_that_does_not_succeed_fails_its_node_with_its_code() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&acts()).await;
    fixture.script("act", [deed(json!({"fails": "STORAGE"}), None), deed(json!({"after": 600}), None)]);

    let failed = fixture.run(workflow).await;
    let cancelled = fixture.run(workflow).await;
    let waiting = deeds(&fixture).await.pop().expect("a job");
    fixture.fixture.queue().cancel(waiting.id, None).await.expect("cancelled");

    assert_eq!(fixture.failure(failed).await, "STORAGE");
    assert_eq!(fixture.failure(cancelled).await, "CANCELLED");
}

#[tokio::test]
async fn a_refused_start_fails_the_attempt_and_leaves_nothing_behind() {
    let fixture = Fixture::new().await;
    let retry = json!({"retry": {"max_attempts": 3, "base_seconds": 1}});
    let workflow = fixture.publish(&acts().policy("act", retry)).await;
    let refused = |code: &str| deed(json!({"refused": code}), None);

    fixture.script("act", [refused("INSUFFICIENT_CREDITS")]);
    let poor = fixture.run(workflow).await;
    assert_eq!(fixture.failure(poor).await, "INSUFFICIENT_CREDITS");
    assert!(deeds(&fixture).await.is_empty());

    fixture.script("act", [refused("BUSY"), deed(json!({}), None)]);
    let patient = fixture.run(workflow).await;
    assert_eq!(fixture.states(patient, "act").await, [Some(NodeState::Retrying)]);
    fixture.fixture.advance(5);
    fixture.fixture.work().await;

    assert_eq!(fixture.status(patient).await, RunStatus::Succeeded);
    only_deed(&fixture).await;
}

#[tokio::test]
async fn cancelling_a_run_cancels_the_job_that_it_waits_for() {
    let fixture = Fixture::new().await;
    fixture.script("act", [deed(json!({"after": 600}), None)]);
    let run = fixture.run(fixture.publish(&acts()).await).await;

    fixture.runs().cancel(&fixture.actor(), run).await.expect("cancelled");

    assert_eq!(only_deed(&fixture).await.state, JobState::Cancelled);
    assert_eq!(fixture.status(run).await, RunStatus::Cancelled);
}

#[tokio::test]
async fn a_node_waits_no_longer_than_it_is_told_and_takes_its_job_along() {
    let fixture = Fixture::new().await;
    let due = fixture.fixture.queue().now() + TimeDelta::seconds(60);
    fixture.script("act", [deed(json!({"after": 600}), Some(due))]);
    let run = fixture.run(fixture.publish(&acts()).await).await;

    fixture.fixture.advance(61);
    fixture.fixture.work().await;

    assert_eq!(fixture.failure(run).await, "TIMEOUT");
    assert_eq!(only_deed(&fixture).await.state, JobState::Cancelled);
}

#[tokio::test]
async fn a_paused_run_keeps_the_end_of_a_job_and_starts_none() {
    let fixture = Fixture::new().await;
    let flow = acts().work("more").edges("start>more");
    let workflow = fixture.publish(&flow).await;
    fixture.script("act", [deed(json!({"after": 60}), None)]);
    let run = fixture.run(workflow).await;

    fixture.runs().pause(&fixture.actor(), run).await.expect("paused");
    fixture.fixture.advance(61);
    fixture.fixture.work().await;
    assert_eq!(fixture.states(run, "act after").await, [Some(NodeState::Succeeded), Some(NodeState::Ready)]);
    fixture.runs().resume(&fixture.actor(), run).await.expect("resumed");
    fixture.fixture.work().await;

    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
}

#[tokio::test]
async fn the_reconciler_ends_waits_for_jobs_that_ended_or_are_gone() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&acts()).await;
    fixture.script("act", [deed(json!({"after": 600}), None), deed(json!({"after": 600}), None)]);
    let (ended, gone) = (fixture.run(workflow).await, fixture.run(workflow).await);
    let found: Vec<JobId> = deeds(&fixture).await.into_iter().map(|job| job.id).collect();
    let db = fixture.fixture.queue().db();
    let silently = jobs::Entity::update_many()
        .col_expr(jobs::Column::State, Expr::value(JobState::Succeeded))
        .col_expr(jobs::Column::Phase, Expr::value(JobState::Succeeded.phase()))
        .filter(jobs::Column::Id.eq(found[0]));
    silently.exec(db).await.expect("ended");
    jobs::Entity::delete_by_id(found[1]).exec(db).await.expect("deleted");

    let first = fixture.reconcile().await;
    let second = fixture.reconcile().await;

    assert_eq!((&first["ended_jobs"], &second["ended_jobs"]), (&json!(2), &json!(0)));
    assert_eq!(fixture.status(ended).await, RunStatus::Succeeded);
    assert_eq!(fixture.failure(gone).await, "JOB_MISSING");
}

#[tokio::test]
async fn a_second_end_of_the_same_job_changes_nothing() {
    let fixture = Fixture::new().await;
    let flow = acts().policy("act", json!({"on_error": "continue"}));
    fixture.script("act", [deed(json!({"fails": "STORAGE"}), None)]);
    let run = fixture.run(fixture.publish(&flow).await).await;
    let job = only_deed(&fixture).await;

    fixture.fixture.queue().retry(job.id, None).await.expect("retried");
    fixture.fixture.work().await;

    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    assert_eq!(fixture.ran(), ["act", "after"]);
}

#[tokio::test]
async fn why_names_the_job_and_its_state() {
    let fixture = Fixture::new().await;
    fixture.script("act", [deed(json!({"after": 600}), None)]);
    let run = fixture.run(fixture.publish(&acts()).await).await;

    let reasons = fixture.runs().why(&fixture.actor(), run).await.expect("reasons");

    let job = only_deed(&fixture).await;
    assert_eq!(reasons[0].code, "WAITING_FOR_JOB");
    assert_eq!(reasons[0].details["job"], json!({"id": job.id, "kind": Deed::KIND, "state": "scheduled"}));
}

#[tokio::test]
async fn an_installation_without_an_action_fails_the_node() {
    let fixture = Fixture::new().await;
    let start = crate::runs::ActionStart { action: "fly".into(), params: json!({}), due: None };
    fixture.script("act", [Ok(NodeResult { outcome: WorkOutcome::Start(start), output: None })]);

    let run = fixture.run(fixture.publish(&acts()).await).await;

    assert_eq!(fixture.failure(run).await, "TYPE_UNAVAILABLE");
    let waits = workflow_waits::Entity::find().filter(workflow_waits::Column::RunId.eq(run));
    let waits = waits.all(fixture.fixture.queue().db()).await.expect("listed");
    assert!(waits.iter().all(|wait| wait.closed), "{waits:?}");
}
