//! Jobs that nodes start, and events that start runs.

use std::collections::BTreeSet;

use atelier_automation::testing::{Deed, deed};
use atelier_entities::{JobState, RunStatus, jobs, workflow_runs};
use atelier_queue::{Job, NewJob};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use super::{Fixture, graph, work};

async fn deeds(fixture: &Fixture) -> Vec<jobs::Model> {
    let found = jobs::Entity::find().filter(jobs::Column::Kind.eq(Deed::KIND));
    found.all(fixture.queue().db()).await.expect("listed")
}

fn acts() -> atelier_automation::graph::Graph {
    let nodes =
        [("start", "manual", json!({})), ("act", "transform", work()), ("after", "transform", work())];
    graph(&nodes, "start>act act>after")
}

pub(super) async fn jobs_of_actions_are_started_and_awaited_once(fixture: Fixture) {
    let workflow = fixture.publish(&acts(), |_| {}).await;
    let outcomes = (0..40).map(|number| match number % 4 {
        0 => deed(json!({"fails": "STORAGE"}), None),
        1 => deed(json!({"refused": "TOO_POOR"}), None),
        _ => deed(json!({"gives": {"number": number}}), None),
    });
    fixture.script().add("act", outcomes);
    let _workers = [fixture.worker(8), fixture.worker(8)];
    let mut runs = Vec::new();
    for _ in 0..40 {
        runs.push(fixture.start(workflow).await);
    }

    fixture
        .until("all runs have ended", async || fixture.list_open(workflow).await.is_empty().then_some(()))
        .await;

    let rows = workflow_runs::Entity::find().all(fixture.queue().db()).await.expect("listed");
    let succeeded = rows.iter().filter(|run| run.status == RunStatus::Succeeded).count();
    assert_eq!((succeeded, rows.len()), (20, 40));
    assert_eq!(fixture.script().ran().iter().filter(|node| *node == "after").count(), 20);
    let deeds = deeds(&fixture).await;
    assert_eq!(deeds.len(), 30, "a refused start leaves no job");
    let awaited: BTreeSet<_> = deeds.iter().map(|job| job.args["awaited_by"].to_string()).collect();
    assert_eq!(awaited.len(), 30, "each for another run");
}

pub(super) async fn cancelled_runs_take_the_jobs_along_that_they_wait_for(fixture: Fixture) {
    let workflow = fixture.publish(&acts(), |_| {}).await;
    fixture.script().add("act", (0..10).map(|_| deed(json!({"after": 3600}), None)));
    let _workers = [fixture.worker(4), fixture.worker(4)];
    let mut runs = Vec::new();
    for _ in 0..10 {
        runs.push(fixture.start(workflow).await);
    }
    for run in &runs[..5] {
        fixture.reaches(*run, RunStatus::Waiting).await;
    }

    // The others are wherever they are.
    let actor = fixture.actor();
    let cancelled = runs.iter().map(|run| fixture.runs().cancel(&actor, *run));
    for cancelled in futures::future::join_all(cancelled).await {
        cancelled.expect("cancelled");
    }

    let is_over = |job: &jobs::Model| job.state == JobState::Cancelled;
    fixture
        .until("the jobs have ended", async || {
            let is_quiet = fixture.count_unfinished_jobs().await == 0;
            (is_quiet && deeds(&fixture).await.iter().all(is_over)).then_some(())
        })
        .await;
}

pub(super) async fn an_event_starts_the_run_of_each_trigger_once(fixture: Fixture) {
    let event = |event: &str| json!({"config": {"event": event}});
    let listens = |name: &str| {
        graph(&[("event", "platform_event", event(name)), ("react", "transform", work())], "event>react")
    };
    let good = fixture.publish(&listens("deployment.succeeded"), |_| {}).await;
    let any = fixture.publish(&listens("job.failed"), |_| {}).await;
    let _workers = [fixture.worker(4), fixture.worker(4)];

    for number in 0..20 {
        let fails = (number % 2 == 0).then(|| "STORAGE".to_owned());
        let deed = Deed { gives: None, fails, refused: None, after: 0 };
        let job = NewJob::of(&deed).owned_by(fixture.user());
        fixture.queue().enqueue(job).await.expect("enqueued");
    }

    let count = async |workflow| {
        let of_workflow =
            workflow_runs::Entity::find().filter(workflow_runs::Column::WorkflowId.eq(workflow));
        let ended = of_workflow.filter(workflow_runs::Column::Status.eq(RunStatus::Succeeded));
        ended.count(fixture.queue().db()).await.expect("counted")
    };
    fixture
        .until("the runs have ended", async || {
            ((count(good).await, count(any).await) == (10, 10)).then_some(())
        })
        .await;
    assert_eq!(workflow_runs::Entity::find().count(fixture.queue().db()).await.expect("counted"), 20);
}
