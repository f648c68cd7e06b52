//! Events of the platform that start runs.

use atelier_entities::{RunCause, RunStatus, workflow_runs};
use atelier_queue::NewJob;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use serde_json::json;

use super::*;
use crate::testing::{Deed, deed};

fn listens(event: &str) -> Flow {
    Flow::default().add("event", "platform_event", json!({"event": event})).work("react").edges("event>react")
}

fn a_deed(fails: Option<&str>) -> Deed {
    Deed {
        gives: Some(json!({"url": "https://a.example"})),
        fails: fails.map(str::to_owned),
        refused: None,
        after: 0,
    }
}

/// Does a deed of that person.
async fn act(fixture: &Fixture, owner: UserId, fails: Option<&str>) {
    let job = NewJob::of(&a_deed(fails)).owned_by(owner);
    fixture.fixture.queue().enqueue(job).await.expect("enqueued");
    fixture.fixture.work().await;
}

async fn runs_of(fixture: &Fixture, workflow: WorkflowId) -> Vec<workflow_runs::Model> {
    workflow_runs::Entity::find()
        .filter(workflow_runs::Column::WorkflowId.eq(workflow))
        .order_by_asc(workflow_runs::Column::Id)
        .all(fixture.fixture.queue().db())
        .await
        .expect("listed")
}

#[tokio::test]
async fn an_event_starts_a_run_with_what_happened_as_its_input() {
    let fixture = Fixture::new().await;
    let good = fixture.publish(&listens("deployment.succeeded")).await;
    let bad = fixture.publish(&listens("deployment.failed")).await;
    let any = fixture.publish(&listens("job.failed")).await;
    let other = fixture.publish(&listens("generation.succeeded")).await;

    act(&fixture, fixture.user, None).await;
    act(&fixture, fixture.user, Some("STORAGE")).await;

    let [good, bad, any, other] = [
        runs_of(&fixture, good).await,
        runs_of(&fixture, bad).await,
        runs_of(&fixture, any).await,
        runs_of(&fixture, other).await,
    ];
    assert_eq!([good.len(), bad.len(), any.len(), other.len()], [1, 1, 1, 0]);
    assert_eq!((good[0].cause, good[0].status), (RunCause::Event, RunStatus::Succeeded));
    let input = good[0].input.clone().expect("an input");
    assert_eq!(
        (&input["event"], &input["data"]["url"]),
        (&json!("deployment.succeeded"), &json!("https://a.example"))
    );
    assert_eq!(any[0].input.clone().expect("an input")["data"]["error"]["code"], "STORAGE");
}

#[tokio::test]
async fn events_of_other_people_and_disabled_workflows_start_nothing() {
    let fixture = Fixture::new().await;
    let stranger = fixture.fixture.register("eve@example.org").await.id;
    let own = fixture.publish(&listens("deployment.succeeded")).await;
    let disabled = fixture
        .publish_with(&listens("deployment.succeeded"), json!({}), |row| row.enabled = Set(false))
        .await;

    act(&fixture, stranger, None).await;
    assert!(runs_of(&fixture, own).await.is_empty());
    act(&fixture, fixture.user, None).await;

    assert_eq!(runs_of(&fixture, own).await.len(), 1);
    assert!(runs_of(&fixture, disabled).await.is_empty());
}

#[tokio::test]
async fn events_start_no_more_runs_than_the_limit_allows() {
    let fixture = Fixture::new().await;
    let settings =
        |when_full: &str| json!({"concurrency": {"limit": 1, "when_full": when_full, "max_queued": 10}});
    let listens = || {
        listens("deployment.succeeded")
            .add("wait", "wait_signal", json!({"signal": "go"}))
            .edges("react>wait")
    };
    let skips = fixture.publish_with(&listens(), settings("skip"), |_| {}).await;
    let queues = fixture.publish_with(&listens(), settings("queue"), |_| {}).await;
    fixture.script("wait", (0..4).map(|_| waiting(atelier_entities::WaitKind::Signal, Some("go"), None)));

    act(&fixture, fixture.user, None).await;
    act(&fixture, fixture.user, None).await;

    assert_eq!(runs_of(&fixture, skips).await.len(), 1);
    let queued: Vec<_> = runs_of(&fixture, queues).await.into_iter().map(|run| run.status).collect();
    assert_eq!(queued, [RunStatus::Waiting, RunStatus::Queued]);
}

#[tokio::test]
async fn the_job_of_a_run_does_not_start_its_own_workflow_again() {
    let fixture = Fixture::new().await;
    let both = listens("deployment.succeeded").work("act").edges("react>act");
    let first = fixture.publish(&both).await;
    let second = fixture.publish(&listens("deployment.succeeded")).await;
    fixture.script("act", (0..9).map(|_| deed(json!({}), None)));

    act(&fixture, fixture.user, None).await;

    let (first, second) = (runs_of(&fixture, first).await, runs_of(&fixture, second).await);
    assert_eq!(first.len(), 1);
    // By the job of the person, and by that of the run.
    let causes: Vec<_> = second.iter().map(|run| (run.caused_by, run.depth)).collect();
    assert_eq!(causes, [(None, 0), (Some(first[0].id), 1)]);
}

#[tokio::test]
async fn two_workflows_do_not_start_each_other_for_ever() {
    let fixture = Fixture::new().await;
    let acts = || listens("deployment.succeeded").work("act").edges("react>act");
    let (ping, pong) = (fixture.publish(&acts()).await, fixture.publish(&acts()).await);
    fixture.script("act", (0..50).map(|_| deed(json!({}), None)));

    act(&fixture, fixture.user, None).await;

    assert_eq!((runs_of(&fixture, ping).await.len(), runs_of(&fixture, pong).await.len()), (2, 2));
    assert_eq!(fixture.fixture.jobs_of_kind("scripted.do_deed").await.len(), 5);
}

#[tokio::test]
async fn a_long_chain_of_events_ends() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&Flow::new().work("act").edges("start>act")).await;
    let listener = fixture.publish(&listens("deployment.succeeded")).await;
    for (depth, expected) in [(9, 1), (10, 1)] {
        fixture.script("act", [deed(json!({"after": 60}), None)]);
        let run = fixture.run(workflow).await;
        let deep = workflow_runs::Entity::update_many()
            .col_expr(workflow_runs::Column::Depth, Expr::value(depth))
            .filter(workflow_runs::Column::Id.eq(run));
        deep.exec(fixture.fixture.queue().db()).await.expect("written");

        fixture.fixture.advance(61);
        fixture.fixture.work().await;

        assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
        let started: Vec<i32> = runs_of(&fixture, listener).await.into_iter().map(|run| run.depth).collect();
        assert_eq!(started, vec![10; expected], "after a run of depth {depth}");
    }
}
