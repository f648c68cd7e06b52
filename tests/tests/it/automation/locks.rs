//! What transactions do to each other on PostgreSQL.

use atelier_automation::{
    graph::Graph,
    runs::StopJobs,
    testing::{broken, child, waiting},
    workflows::{Expected, NewWorkflow, WorkflowChanges, WorkflowError},
};
use atelier_entities::{
    JobState, ProjectId, ProjectKind, RunStatus, WaitKind, WorkflowId, jobs, projects, workflow_runs,
    workflow_waits, workflows,
};
use atelier_foundation::projects::NewProject;
use atelier_queue::Job;
use atelier_tests::until_statements_wait;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};

use super::{fixture::Fixture, graph, signal, work};

async fn create_project(fixture: &Fixture) -> ProjectId {
    let input =
        NewProject { title: "Shop".to_owned(), description: String::new(), kind: ProjectKind::WebApp };
    fixture.projects().create(&fixture.actor(), input).await.expect("created").id
}

fn alone() -> Graph {
    graph(&[("start", "manual", json!({})), ("a", "transform", work())], "start>a")
}

/// Runs two commands of which each would lock a project and a workflow, while a transaction holds the workflow
/// and then takes the project, as the end of an attempt does.
#[tokio::test(flavor = "multi_thread")]
async fn workflows_are_locked_before_their_projects() {
    let fixture = Fixture::postgres_redis().await;
    let (project, other) = (create_project(&fixture).await, create_project(&fixture).await);
    let in_project = |row: &mut workflows::ActiveModel| row.project_id = Set(Some(project));
    let workflow = fixture.publish(&alone(), in_project).await;
    let actor = fixture.actor();

    let tx = fixture.queue().begin().await.expect("begun");
    workflows::Entity::find_by_id(workflow).lock_exclusive().one(&*tx).await.expect("locked");
    let deleting = fixture.projects().delete(&actor, project);
    let changes = WorkflowChanges { project: Some(Some(other)), ..WorkflowChanges::default() };
    let moving = fixture.workflows().update(&actor, workflow, changes);
    let holding = async {
        until_statements_wait(fixture.queue().db(), 2).await;
        for id in [project, other] {
            let locked = projects::Entity::find_by_id(id).lock_exclusive().one(&*tx).await;
            locked.expect("no command holds a project while it waits for a workflow").expect("there");
        }
        tx.commit().await.expect("committed");
    };
    let (deleted, moved, ()) = tokio::join!(deleting, moving, holding);

    deleted.expect("deleted");
    moved.expect("moved");
    let row = workflows::Entity::find_by_id(workflow).one(fixture.queue().db()).await.expect("asked");
    assert_eq!(row.expect("it outlives its project").project_id, Some(other));
}

/// A graph that another workflow can call. It calls the target, if there is one.
fn calling(target: Option<WorkflowId>) -> Graph {
    let step = match target {
        Some(target) => ("step", "sub_workflow", json!({"config": {"workflow": target}})),
        None => ("step", "transform", json!({"config": {"fields": {"a": 1}}})),
    };
    graph(&[("called", "called", json!({})), step], "called>step")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workflows_that_are_published_at_once_do_not_call_each_other() {
    let fixture = Fixture::postgres_redis().await;
    let (workflows, actor) = (fixture.workflows(), fixture.actor());
    let draft = async |id, graph| {
        workflows.replace_graph(&actor, id, Some(Expected::Any), graph).await.expect("stored");
    };
    let mut ids = Vec::new();
    for name in ["First", "Second"] {
        let input = NewWorkflow { name: name.to_owned(), ..NewWorkflow::default() };
        let id = workflows.create(&actor, input).await.expect("created").id;
        draft(id, calling(None)).await;
        workflows.publish(&actor, id, None, None).await.expect("published");
        ids.push(id);
    }
    let (first, second) = (ids[0], ids[1]);

    for round in 0..5 {
        draft(first, calling(Some(second))).await;
        draft(second, calling(Some(first))).await;
        let (one, two) = tokio::join!(
            workflows.publish(&actor, first, None, None),
            workflows.publish(&actor, second, None, None)
        );

        let refused: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 1, "in round {round}: {refused:?}");
        let is_circle = |error: &WorkflowError| match error {
            WorkflowError::Faulty(faults) => {
                faults.iter().any(|fault| fault.code.as_str() == "SUBWORKFLOW_RECURSIVE")
            }
            _ => false,
        };
        assert!(refused.iter().all(is_circle), "{refused:?}");
        for id in [first, second] {
            draft(id, calling(None)).await;
            workflows.publish(&actor, id, None, None).await.expect("published");
        }
    }
}

/// Cancels a tree of runs by a failure while another transaction holds the job of a node of a child run.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_another_transaction_holds_are_stopped_after_it() {
    let fixture = Fixture::postgres_redis().await;
    let later = json!({"config": {"fields": {}}, "policy": {"retry": {
        "max_attempts": 2, "backoff": "fixed", "base_seconds": 3600, "max_seconds": 3600,
    }}});
    let called = [("called", "called", json!({})), ("inner", "transform", later)];
    let inner = fixture.publish(&graph(&called, "called>inner"), |_| {}).await;
    let nodes = [
        ("start", "manual", json!({})),
        ("call", "sub_workflow", json!({"config": {"workflow": "x"}})),
        ("wait", "wait_signal", json!({"config": {"signal": "go"}})),
        ("fails", "transform", work()),
    ];
    let edges = "start>call start>wait wait.received>fails";
    let outer = fixture.publish(&graph(&nodes, edges), |_| {}).await;
    let script = fixture.script();
    script.add("call", [child(inner, Value::Null)]);
    script.add("wait", [waiting(WaitKind::Signal, Some("go"), None)]);
    script.add("inner", [broken()]);
    script.add("fails", [broken()]);
    let _worker = fixture.worker(4);
    let run = fixture.start(outer).await;
    let held = fixture
        .until("the node of the child run waits for its second attempt", async || {
            let scheduled = jobs::Entity::find().filter(jobs::Column::State.eq("scheduled"));
            let scheduled = scheduled.filter(jobs::Column::Queue.eq("workflow"));
            scheduled.one(fixture.queue().db()).await.expect("asked")
        })
        .await;
    fixture.reaches(run, RunStatus::Waiting).await;

    let tx = fixture.queue().begin().await.expect("begun");
    jobs::Entity::find_by_id(held.id).lock_exclusive().one(&*tx).await.expect("locked").expect("there");
    fixture.runs().signal(&fixture.actor(), run, signal("1")).await.expect("sent");
    fixture.reaches(run, RunStatus::Failed).await;
    let still = jobs::Entity::find_by_id(held.id).one(fixture.queue().db()).await.expect("asked");
    assert_eq!(still.expect("there").state, held.state, "nobody can cancel it yet");
    tx.commit().await.expect("committed");

    fixture
        .until("no job is left", async || (fixture.count_unfinished_jobs().await == 0).then_some(()))
        .await;
    let db = fixture.queue().db();
    let open = workflow_runs::Entity::find().filter(workflow_runs::Column::FinishedAt.is_null());
    assert_eq!(open.count(db).await.expect("counted"), 0);
    let open = workflow_waits::Entity::find().filter(workflow_waits::Column::Closed.eq(false));
    assert_eq!(open.count(db).await.expect("counted"), 0);
    let stopped = jobs::Entity::find().filter(jobs::Column::Kind.eq(StopJobs::KIND));
    assert!(stopped.count(db).await.expect("counted") > 0, "the end of the run left the job to another one");
    let held = jobs::Entity::find_by_id(held.id).one(db).await.expect("asked").expect("there");
    assert_eq!((held.state, held.attempt), (JobState::Cancelled, 0), "the second attempt never ran");
}
