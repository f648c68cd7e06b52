//! What the reconciler repairs, what expires, and what people see.

use atelier_entities::{
    JobState, RunStatus, WaitKind, jobs, workflow_node_runs, workflow_versions, workflows,
};
use atelier_foundation::Page;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

use super::*;
use crate::{
    runs::{RunError, RunFilter, RunVersion, purge_runs},
    workflows::WorkflowError,
};

async fn delete_jobs(fixture: &Fixture) {
    let gone = jobs::Entity::delete_many().filter(jobs::Column::Queue.eq("workflow"));
    gone.exec(fixture.fixture.queue().db()).await.expect("deleted");
}

#[tokio::test]
async fn a_ready_node_without_a_job_gets_one() {
    let fixture = Fixture::new().await;
    let run = fixture.start(fixture.publish(&Flow::new().work("a b").edges("start>a a>b")).await).await;
    delete_jobs(&fixture).await;

    let found = fixture.reconcile().await;

    assert_eq!(found["nodes"], 1);
    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    assert_eq!(fixture.ran(), ["a", "b"]);
}

#[tokio::test]
async fn a_wait_without_a_job_gets_one_or_is_over_at_once() {
    let fixture = Fixture::new().await;
    let flow = Flow::new().add("wait", "delay", json!({"seconds": 60})).edges("start>wait");
    let due = fixture.fixture.queue().now() + TimeDelta::seconds(60);
    fixture.script("wait", [waiting(WaitKind::Delay, None, Some(due))]);
    let run = fixture.run(fixture.publish(&flow).await).await;
    delete_jobs(&fixture).await;

    let early = fixture.reconcile().await;
    let jobs = fixture.count_unfinished_jobs(run).await;
    let again = fixture.reconcile().await;
    delete_jobs(&fixture).await;
    fixture.fixture.advance(61);
    fixture.reconcile().await;

    assert_eq!((&early["waits"], jobs, &again["waits"]), (&json!(1), 1, &json!(0)));
    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_run_past_its_deadline_times_out_and_can_be_retried() {
    let fixture = Fixture::new().await;
    let flow = Flow::new()
        .work("a")
        .edges("start>a")
        .policy("a", json!({"retry": {"max_attempts": 2, "base_seconds": 5000, "max_seconds": 5000}}));
    fixture.script("a", [broken()]);
    let workflow = fixture.publish_with(&flow, json!({"timeout_secs": 100}), |_| {}).await;
    let run = fixture.run(workflow).await;

    fixture.fixture.advance(99);
    let early = fixture.reconcile().await;
    fixture.fixture.advance(2);
    let late = fixture.reconcile().await;
    let timed_out = fixture.row(run).await;
    let jobs = fixture.count_unfinished_jobs(run).await;
    fixture.runs().retry(&fixture.actor(), run).await.expect("retried");
    fixture.fixture.work().await;

    assert_eq!((&early["timed_out"], &late["timed_out"], jobs), (&json!(0), &json!(1), 0));
    assert_eq!(timed_out.status, RunStatus::TimedOut);
    let row = fixture.row(run).await;
    assert_eq!(row.status, RunStatus::Succeeded);
    assert!(row.deadline_at > timed_out.deadline_at);
}

#[tokio::test]
async fn the_time_of_waits_does_not_count_up_to_a_month() {
    let fixture = Fixture::new().await;
    let flow = Flow::new()
        .add("wait", "wait_signal", json!({"signal": "go"}))
        .work("a")
        .edges("start>wait wait.received>a");
    fixture.script("wait", (0..2).map(|_| waiting(WaitKind::Signal, Some("go"), None)));
    let workflow = fixture.publish_with(&flow, json!({"timeout_secs": 100}), |_| {}).await;
    let (answered, forgotten) = (fixture.run(workflow).await, fixture.run(workflow).await);

    fixture.fixture.advance(3600);
    fixture.reconcile().await;
    let input = crate::runs::SignalInput { id: None, key: "go".into(), payload: json!(1) };
    let row = fixture.runs().signal(&fixture.actor(), answered, input).await.expect("sent");
    let left = row.deadline_at.expect("a deadline") - fixture.fixture.queue().now();
    fixture.fixture.work().await;
    fixture.fixture.advance(30 * 24 * 3600);
    fixture.reconcile().await;

    assert!(left > TimeDelta::seconds(80) && left <= TimeDelta::seconds(100), "{left}");
    assert_eq!(fixture.status(answered).await, RunStatus::Succeeded);
    assert_eq!(fixture.status(forgotten).await, RunStatus::TimedOut);
}

#[tokio::test]
async fn runs_that_outlived_the_deletion_of_their_workflow_are_cancelled() {
    let fixture = Fixture::new().await;
    let flow = Flow::new().add("wait", "wait_signal", json!({"signal": "go"})).edges("start>wait");
    fixture.script("wait", [waiting(WaitKind::Signal, Some("go"), None)]);
    let workflow = fixture.publish(&flow).await;
    let run = fixture.run(workflow).await;

    let deleted = workflows::Entity::update_many()
        .col_expr(workflows::Column::DeletedAt, Expr::value(fixture.fixture.queue().now()))
        .filter(workflows::Column::Id.eq(workflow));
    deleted.exec(fixture.fixture.queue().db()).await.expect("deleted");
    let found = fixture.reconcile().await;

    assert_eq!(found["of_deleted_workflows"], 1);
    assert_eq!(fixture.status(run).await, RunStatus::Cancelled);
}

#[tokio::test]
async fn jobs_of_ended_runs_are_cancelled() {
    let fixture = Fixture::new().await;
    let run = fixture.start(fixture.publish(&Flow::new().work("a").edges("start>a")).await).await;
    let mut row = fixture.row(run).await.into_active_model();
    row.status = Set(RunStatus::Cancelled);
    row.finished_at = Set(Some(fixture.fixture.queue().now()));
    row.update(fixture.fixture.queue().db()).await.expect("changed");
    let tx = fixture.fixture.queue().begin().await.expect("begun");
    let args = super::super::StopJobs { run_id: run };
    let stop = tx.enqueue(atelier_queue::NewJob::of(&args)).await.expect("enqueued").id;
    tx.commit().await.expect("committed");

    fixture.fixture.work().await;

    assert_eq!(fixture.fixture.job(stop).await.state, JobState::Succeeded);
    assert_eq!(fixture.count_unfinished_jobs(run).await, 0);
}

#[tokio::test]
async fn runs_are_deleted_once_they_have_expired_with_all_of_their_tree() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&Flow::new().work("a").edges("start>a")).await;
    let draft = StartInput { version: RunVersion::Draft, ..StartInput::default() };
    let tested = fixture.runs().start(&fixture.actor(), workflow, draft).await.expect("started").run;
    let old = fixture.run(workflow).await;
    fixture.fixture.advance(31 * 24 * 3600);
    let new = fixture.run(workflow).await;

    let deleted = purge_runs(fixture.fixture.queue(), 1).await.expect("purged");

    let db = fixture.fixture.queue().db();
    assert_eq!(deleted, 2);
    let left: Vec<_> = workflow_runs::Entity::find().all(db).await.expect("listed");
    assert_eq!(left.iter().map(|run| run.id).collect::<Vec<_>>(), [new]);
    let nodes = workflow_node_runs::Entity::find().filter(workflow_node_runs::Column::RunId.eq(old));
    assert_eq!(nodes.count(db).await.expect("counted"), 0);
    let copies = workflow_versions::Entity::find_by_id(tested.version_id).count(db).await.expect("counted");
    assert_eq!(copies, 0);
}

#[tokio::test]
async fn a_draft_is_run_as_a_copy_that_does_not_change() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&Flow::new().work("a").edges("start>a")).await;
    let draft = StartInput { version: RunVersion::Draft, ..StartInput::default() };

    let run = fixture.runs().start(&fixture.actor(), workflow, draft.clone()).await.expect("started").run;
    let db = fixture.fixture.queue().db();
    workflow_nodes::Entity::delete_many()
        .filter(workflow_nodes::Column::VersionId.ne(run.version_id))
        .exec(db)
        .await
        .expect("changed");
    fixture.fixture.work().await;
    let faulty = fixture.runs().start(&fixture.actor(), workflow, draft).await;

    assert_eq!(fixture.status(run.id).await, RunStatus::Succeeded);
    assert!(matches!(faulty, Err(RunError::Workflow(WorkflowError::Faulty(_)))), "{faulty:?}");
}

#[tokio::test]
async fn people_see_their_runs_and_nobody_else_does() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&Flow::new().work("a b").edges("start>a a>b")).await;
    let run = fixture.run(workflow).await;
    let stranger = acting(fixture.fixture.register("eve@example.org").await.id);
    let page = Page { number: 1, size: 2 };
    let filter =
        RunFilter { workflow: Some(workflow), statuses: vec![RunStatus::Succeeded], ..RunFilter::default() };

    let (listed, total) = fixture.runs().list(&fixture.actor(), &filter, page).await.expect("listed");
    let (foreign, none) = fixture.runs().list(&stranger, &filter, page).await.expect("listed");
    let view = fixture.runs().get(&fixture.actor(), run, None, page).await.expect("there");
    let later =
        fixture.runs().get(&fixture.actor(), run, Some(view.run.revision), page).await.expect("there");

    assert_eq!((listed.len(), total, foreign.len(), none), (1, 1, 0, 0));
    assert_eq!((view.nodes.len(), view.node_count, later.nodes.len()), (2, 3, 0));
    let all =
        fixture.runs().get(&fixture.actor(), run, None, Page { number: 1, size: 10 }).await.expect("there");
    let b = all.nodes.iter().find(|node| node.summary.node == "b").expect("a node");
    assert_eq!(b.inputs, ["a.main>b.in"]);
    assert_eq!(b.output.as_ref().and_then(|output| output.value.clone()), Some(json!({"from": "b"})));
    let output = fixture.runs().get_output(&fixture.actor(), run, ("", "a")).await.expect("read");
    assert_eq!(output, Some(json!({"from": "a"})));
    for refused in [
        fixture.runs().get(&stranger, run, None, page).await.map(drop),
        fixture.runs().cancel(&stranger, run).await.map(drop),
        fixture.runs().start(&stranger, workflow, StartInput::default()).await.map(drop),
        fixture.runs().why(&stranger, run).await.map(drop),
    ] {
        assert!(matches!(refused, Err(RunError::NotFound(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn people_see_what_each_node_was_given_and_gave() {
    let fixture = Fixture::new().await;
    let flow = Flow::new()
        .work("off a b skipped")
        .condition("check")
        .each("each", json!({"concurrency": 1}), Flow::body().work("x"))
        .disabled("off")
        .edges("start>off off>a start>b a>each b>each each.done>check check.true>skipped");
    fixture.script("each", [items(&[json!("first"), json!("second")])]);
    let port = WorkOutcome::Done { port: Some("false".into()) };
    fixture.script("check", [Ok(NodeResult { outcome: port, output: None })]);
    let run = fixture.run(fixture.publish(&flow).await).await;

    let page = Page { number: 1, size: 50 };
    let view = fixture.runs().get(&fixture.actor(), run, None, page).await.expect("there");

    let nodes: BTreeMap<String, _> =
        view.nodes.into_iter().map(|node| (name(&node.summary.scope, &node.summary.node), node)).collect();
    let value =
        |preview: &Option<crate::runs::Preview>| preview.as_ref().and_then(|found| found.value.clone());
    let given = json!({"n": 7});
    assert_eq!((value(&nodes["start"].input), value(&nodes["start"].output)), (None, Some(given.clone())));
    assert_eq!(value(&nodes["off"].output), Some(given.clone()));
    assert_eq!(
        (value(&nodes["a"].input), &nodes["a"].inputs[..]),
        (Some(given), &["off.main>a.in".into()][..])
    );
    assert_eq!(value(&nodes["each"].input), Some(json!([{"from": "a"}, {"from": "b"}])));
    assert_eq!(nodes["each"].inputs, ["a.main>each.in", "b.main>each.in"]);
    assert_eq!(value(&nodes["each[1].x"].input), Some(json!("second")));
    let each = nodes["each"].output.as_ref().expect("an output");
    assert!(each.truncated && each.value.is_none(), "it is made when somebody asks for it: {each:?}");
    assert!(nodes["skipped"].input.is_none() && nodes["skipped"].inputs.is_empty());
    let results = fixture.runs().get_node_input(&fixture.actor(), run, ("", "check")).await.expect("read");
    assert_eq!(results.expect("an input")["results"], json!([{"from": "x"}, {"from": "x"}]));
    for (place, input) in [(("", "start"), None), (("each[0]", "x"), Some(json!("first")))] {
        let found = fixture.runs().get_node_input(&fixture.actor(), run, place).await.expect("read");
        assert_eq!(found, input, "{place:?}");
    }
    let missing = fixture.runs().get_output(&fixture.actor(), run, ("each[0]", "a")).await;
    assert!(matches!(missing, Err(RunError::NoNode)), "{missing:?}");
}

#[tokio::test]
async fn the_jobs_of_a_run_that_goes_on_are_not_taken_for_those_of_an_ended_one() {
    let fixture = Fixture::new().await;
    let run = fixture.start(fixture.publish(&Flow::new().work("a").edges("start>a")).await).await;

    let tx = fixture.fixture.queue().begin().await.expect("begun");
    let locked = tx.lock_about(&[run.0]).await.expect("locked");
    let under_way = crate::runs::cancel_jobs_of_ended(&tx, &locked).await.expect("asked");
    let ended = workflow_runs::Entity::update_many()
        .col_expr(workflow_runs::Column::Status, Expr::value(RunStatus::Cancelled))
        .filter(workflow_runs::Column::Id.eq(run));
    ended.exec(&*tx).await.expect("ended");
    let of_ended = crate::runs::cancel_jobs_of_ended(&tx, &locked).await.expect("cancelled");

    assert_eq!((locked.len(), under_way, of_ended), (1, 0, 1));
}

#[tokio::test]
async fn deleting_a_workflow_cancels_its_runs_and_what_they_wait_for() {
    let fixture = Fixture::new().await;
    let flow = Flow::new().add("wait", "wait_signal", json!({"signal": "go"})).edges("start>wait");
    let (deleted, kept) = (fixture.publish(&flow).await, fixture.publish(&flow).await);
    let due = fixture.fixture.queue().now() + TimeDelta::hours(1);
    fixture.script("wait", (0..3).map(|_| waiting(WaitKind::Signal, Some("go"), Some(due))));
    let runs = [fixture.run(deleted).await, fixture.run(deleted).await, fixture.run(kept).await];

    let workflows = &fixture.fixture.services.automation.workflows;
    workflows.delete(&fixture.actor(), deleted).await.expect("deleted");
    fixture.fixture.work().await;

    let statuses =
        [fixture.status(runs[0]).await, fixture.status(runs[1]).await, fixture.status(runs[2]).await];
    assert_eq!(statuses, [RunStatus::Cancelled, RunStatus::Cancelled, RunStatus::Waiting]);
    assert_eq!(fixture.count_unfinished_jobs(runs[0]).await, 0);
    let job = fixture.fixture.jobs_of_kind("workflow.cancel_runs").await.pop().expect("a job");
    assert_eq!(job.result, Some(json!({"cancelled": 2})));
}
