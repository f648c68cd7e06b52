//! Sub-workflows, error workflows, and cancelling trees of runs.

use atelier_entities::{RunCause, RunStatus, WaitKind, jobs};
use atelier_queue::Job;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;

use super::*;

async fn all_runs(fixture: &Fixture) -> Vec<workflow_runs::Model> {
    let runs = workflow_runs::Entity::find().order_by_asc(workflow_runs::Column::Id);
    runs.all(fixture.fixture.queue().db()).await.expect("listed")
}

fn calls(config: Value) -> Flow {
    let mut all = json!({"workflow": "x"});
    all.as_object_mut().expect("an object").extend(config.as_object().expect("an object").clone());
    Flow::new().add("call", "sub_workflow", all).work("after").edges("start>call call>after")
}

fn called() -> Flow {
    Flow::default().add("called", "called", json!({})).work("inner").edges("called>inner")
}

#[tokio::test]
async fn a_child_run_gives_its_output_to_the_node_that_started_it() {
    let fixture = Fixture::new().await;
    let inner = fixture.publish(&called()).await;
    let outer = fixture.publish(&calls(json!({}))).await;
    fixture.script("call", [child(inner, json!({"x": 1}))]);

    let run = fixture.run(outer).await;

    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    let runs = all_runs(&fixture).await;
    assert_eq!(runs.len(), 2);
    let one = &runs[1];
    assert_eq!((one.parent_id, one.root_id, one.depth, one.cause), (Some(run), run, 1, RunCause::Parent));
    assert_eq!((one.input.clone(), one.trigger_node.as_str()), (Some(json!({"x": 1})), "called"));
    assert_eq!(fixture.nodes(run).await["call"].output, Some(json!({"from": "inner"})));
    assert_eq!(fixture.ran(), ["after", "call", "inner"]);
}

#[tokio::test]
async fn a_child_run_has_at_most_the_time_that_its_parent_has_left() {
    let fixture = Fixture::new().await;
    let patient = fixture.publish(&called()).await;
    let hasty = fixture.publish_with(&called(), json!({"timeout_secs": 50}), |_| {}).await;
    let outer = fixture.publish_with(&calls(json!({})), json!({"timeout_secs": 100}), |_| {}).await;
    fixture.script("call", [child(patient, json!({})), child(hasty, json!({}))]);

    for most in [100, 50] {
        let run = fixture.run(outer).await;
        let runs = all_runs(&fixture).await;
        let one = runs.iter().find(|one| one.parent_id == Some(run)).expect("a child");
        let allowed = one.deadline_at.zip(one.started_at).map(|(deadline, start)| deadline - start);
        let allowed = allowed.expect("a deadline");
        assert!(allowed <= TimeDelta::seconds(most), "{allowed}");
        assert!(allowed > TimeDelta::seconds(most / 2), "{allowed}");
    }
}

#[tokio::test]
async fn a_workflow_that_cannot_be_called_fails_the_node_with_the_reason() {
    let fixture = Fixture::new().await;
    let outer = fixture.publish(&calls(json!({}))).await;
    let disabled = fixture.publish_with(&called(), json!({}), |row| row.enabled = Set(false)).await;
    let unpublished = fixture.publish_with(&called(), json!({}), |row| row.published_id = Set(None)).await;
    let stranger = fixture.fixture.register("eve@example.org").await.id;
    let foreign = fixture.publish_with(&called(), json!({}), |row| row.user_id = Set(stranger)).await;
    let silent = fixture
        .publish(&Flow::default().add("on_error", "workflow_error", json!({})).work("a").edges("on_error>a"))
        .await;

    for (workflow, code) in [
        (WorkflowId::new(), "SUBWORKFLOW_MISSING"),
        (foreign, "SUBWORKFLOW_MISSING"),
        (disabled, "SUBWORKFLOW_DISABLED"),
        (unpublished, "SUBWORKFLOW_UNPUBLISHED"),
        (silent, "SUBWORKFLOW_NO_TRIGGER"),
    ] {
        fixture.script("call", [child(workflow, json!(null))]);
        let run = fixture.run(outer).await;
        assert_eq!(fixture.failure(run).await, code);
    }
}

#[tokio::test]
async fn a_workflow_that_calls_itself_stops_at_the_deepest_level() {
    let fixture = Fixture::new().await;
    let outer = fixture.publish(&calls(json!({}))).await;
    fixture.script("call", (0..20).map(|_| child(outer, json!(null))));

    let run = fixture.run(outer).await;

    let runs = all_runs(&fixture).await;
    assert_eq!(runs.iter().map(|run| run.depth).max(), Some(10));
    assert_eq!(fixture.failure(runs[10].id).await, "SUBWORKFLOW_TOO_DEEP");
    assert_eq!(fixture.failure(run).await, "CHILD_FAILED");
}

#[tokio::test]
async fn each_attempt_of_a_node_has_one_child_run() {
    let fixture = Fixture::new().await;
    let inner = fixture.publish(&called()).await;
    let flow = calls(json!({})).policy("call", json!({"retry": {"max_attempts": 2, "base_seconds": 1}}));
    let outer = fixture.publish(&flow).await;
    fixture.script("call", [child(inner, json!(1)), child(inner, json!(2))]);
    fixture.script("inner", [broken()]);

    let run = fixture.run(outer).await;
    fixture.fixture.advance(5);
    fixture.fixture.work().await;

    assert_eq!(fixture.status(run).await, RunStatus::Succeeded);
    let attempts: Vec<_> =
        all_runs(&fixture).await.into_iter().filter_map(|run| run.parent_attempt).collect();
    assert_eq!(attempts, ["/call/0.0.1", "/call/0.0.2"]);
}

#[tokio::test]
async fn cancelling_a_run_cancels_its_tree_and_its_jobs() {
    let fixture = Fixture::new().await;
    let inner = fixture.publish(&called()).await;
    let outer = fixture.publish(&calls(json!({}))).await;
    fixture.script("call", [child(inner, json!(null))]);
    fixture.script("inner", [waiting(WaitKind::Signal, Some("never"), None)]);
    let run = fixture.run(outer).await;

    fixture.runs().cancel(&fixture.actor(), run).await.expect("cancelled");

    let runs = all_runs(&fixture).await;
    assert!(runs.iter().all(|run| run.status == RunStatus::Cancelled), "{runs:?}");
    assert_eq!(runs[0].finished_at, runs[1].finished_at, "one transaction ends them at one time");
    for run in runs {
        assert_eq!(fixture.count_unfinished_jobs(run.id).await, 0);
    }
    let again = fixture.runs().cancel(&fixture.actor(), run).await;
    assert!(again.is_err());
}

#[tokio::test]
async fn a_run_that_has_not_begun_is_cancelled_with_its_job() {
    let fixture = Fixture::new().await;
    let workflow = fixture.publish(&Flow::new().work("a").edges("start>a")).await;
    let run = fixture.start(workflow).await;

    fixture.runs().cancel(&fixture.actor(), run).await.expect("cancelled");
    fixture.fixture.work().await;

    assert_eq!(fixture.ran(), [""; 0]);
    assert_eq!(fixture.status(run).await, RunStatus::Cancelled);
    let jobs = jobs::Entity::find().filter(jobs::Column::Kind.eq(RunNode::KIND));
    let jobs = jobs.all(fixture.fixture.queue().db()).await.expect("listed");
    assert!(jobs.iter().all(|job| job.state == atelier_entities::JobState::Cancelled), "{jobs:?}");
}

#[tokio::test]
async fn an_abandoned_child_run_goes_on_without_its_parent() {
    let fixture = Fixture::new().await;
    let inner = fixture.publish(&called()).await;
    let outer = fixture.publish(&calls(json!({"on_parent_cancel": "abandon"}))).await;
    fixture.script("call", [child(inner, json!(null))]);
    let due = fixture.fixture.queue().now() + TimeDelta::seconds(60);
    fixture.script("inner", [waiting(WaitKind::Delay, None, Some(due))]);
    let run = fixture.run(outer).await;

    fixture.runs().cancel(&fixture.actor(), run).await.expect("cancelled");
    fixture.fixture.advance(61);
    fixture.fixture.work().await;

    let statuses: Vec<_> = all_runs(&fixture).await.into_iter().map(|run| run.status).collect();
    assert_eq!(statuses, [RunStatus::Cancelled, RunStatus::Succeeded]);
}

#[tokio::test]
async fn a_failure_cancels_the_child_of_a_parallel_branch() {
    let fixture = Fixture::new().await;
    let inner = fixture.publish(&called()).await;
    let flow = Flow::new()
        .add("call", "sub_workflow", json!({"workflow": "x"}))
        .add("ask", "approval", json!({"message": "?"}))
        .work("fails")
        .edges("start>call start>ask ask.approved>fails");
    fixture.script("call", [child(inner, json!(null))]);
    fixture.script("inner", [waiting(WaitKind::Signal, Some("never"), None)]);
    fixture.script("ask", [waiting(WaitKind::Approval, None, None)]);
    fixture.script("fails", [broken()]);
    let run = fixture.run(fixture.publish(&flow).await).await;
    let yes = crate::runs::Decision { approved: true, comment: None };

    fixture.runs().decide(&fixture.actor(), run, ("", "ask"), yes).await.expect("decided");
    fixture.fixture.work().await;

    let statuses: Vec<_> = all_runs(&fixture).await.into_iter().map(|run| run.status).collect();
    assert_eq!(statuses, [RunStatus::Failed, RunStatus::Cancelled]);
}

fn handler() -> Flow {
    Flow::default().add("on_error", "workflow_error", json!({})).work("notify").edges("on_error>notify")
}

#[tokio::test]
async fn a_failed_run_starts_the_error_workflow_once_and_that_one_starts_none() {
    let fixture = Fixture::new().await;
    let handling = fixture.publish(&handler()).await;
    let flow = Flow::new().work("a").edges("start>a");
    let workflow =
        fixture.publish_with(&flow, json!({}), |row| row.error_workflow_id = Set(Some(handling))).await;
    let db = fixture.fixture.queue().db();
    let own = workflows::Entity::find_by_id(handling).one(db).await.expect("asked").expect("there");
    let mut own = own.into_active_model();
    own.error_workflow_id = Set(Some(handling));
    let this = workflows::Column::Id.eq(handling);
    workflows::Entity::update_many().set(own).filter(this).exec(db).await.expect("changed");
    fixture.script("a", [broken()]);
    fixture.script("notify", [broken()]);

    let run = fixture.run(workflow).await;

    let runs = all_runs(&fixture).await;
    assert_eq!(runs.len(), 2);
    let input = runs[1].input.clone().expect("an input");
    assert_eq!((runs[1].cause, runs[1].handles_error), (RunCause::Error, true));
    assert_eq!((&input["run"]["id"], &input["node"]), (&json!(run), &json!("a")));
    assert_eq!((&input["error"]["code"], &input["attempt"]), (&json!("BROKEN"), &json!(1)));
    assert_eq!(input["workflow"]["name"], "Flow");
}
