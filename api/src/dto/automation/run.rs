//! Runs of workflows.

use atelier_automation::runs::{Preview, RunReason, RunSummary, RunUpdate, StartedRun};
use atelier_entities::{workflow_runs, workflow_waits};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::run_node::{RunNodePage, RunNodeStateView};
use crate::{
    dto::page::pages,
    schema::{ToSchema, free::JsonObject, sets},
};

pages! {
    /// A page of runs.
    RunPage of RunView;
}

/// A run of a workflow.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunView {
    /// UUIDv7.
    id: Uuid,
    /// The workflow.
    workflow_id: Uuid,
    /// The version that it walks to its end.
    version_id: Uuid,
    /// The project of the workflow when the run was accepted.
    project_id: Option<Uuid>,
    /// The run that it comes from through all parents; itself where it has none.
    root_id: Uuid,
    /// The run whose node started it.
    parent_id: Option<Uuid>,
    /// The run that it was started from again.
    rerun_of: Option<Uuid>,
    /// What started it.
    #[schema(value_type = sets::RunCause)]
    cause: &'static str,
    /// The key of its trigger.
    trigger: String,
    /// Where it is in its life.
    #[schema(value_type = sets::RunStatus)]
    status: &'static str,
    /// Whether it starts nothing new until it is resumed.
    paused: bool,
    /// How often it was retried after its end.
    generation: i32,
    /// Nodes that are ready, at work or about to be repeated.
    working: i32,
    /// Nodes that wait.
    waiting: i32,
    /// Why it failed.
    #[schema(value_type = Option<JsonObject>)]
    failure: Option<Value>,
    /// Counts the changes of the run and its nodes.
    revision: i64,
    /// When it is over, whatever is under way; null while it only waits.
    deadline_at: Option<DateTime<Utc>>,
    /// When it was accepted.
    created_at: DateTime<Utc>,
    /// When it began.
    started_at: Option<DateTime<Utc>>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
}

impl From<RunSummary> for RunView {
    fn from(run: RunSummary) -> Self {
        Self {
            id: run.id.0,
            workflow_id: run.workflow_id.0,
            version_id: run.version_id.0,
            project_id: run.project_id.map(|id| id.0),
            root_id: run.root_id.0,
            parent_id: run.parent_id.map(|id| id.0),
            rerun_of: run.rerun_of.map(|id| id.0),
            cause: run.cause.as_str(),
            trigger: run.trigger_node,
            status: run.status.as_str(),
            paused: run.paused,
            generation: run.generation,
            working: run.working,
            waiting: run.waiting,
            failure: run.failure,
            revision: run.revision,
            deadline_at: run.deadline_at,
            created_at: run.created_at,
            started_at: run.started_at,
            updated_at: run.updated_at,
            finished_at: run.finished_at,
        }
    }
}

impl From<workflow_runs::Model> for RunView {
    fn from(run: workflow_runs::Model) -> Self {
        RunSummary::from(run).into()
    }
}

/// A run that was started.
#[derive(Serialize, ToSchema)]
pub(crate) struct StartedRunView {
    /// The run; `Location` is its address.
    run: RunView,
    /// The job of its first node; null if the run is queued, or had nothing to do.
    job_id: Option<Uuid>,
}

impl From<StartedRun> for StartedRunView {
    fn from(started: StartedRun) -> Self {
        Self { run: started.run.into(), job_id: started.job_id.map(|id| id.0) }
    }
}

/// A value, or a part of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ValuePreview {
    /// The value: of a large one the beginning of its JSON as a text, or null.
    value: Option<Value>,
    /// Whether this is not the whole value.
    truncated: bool,
    /// The bytes of the whole value as JSON; 0 where they are not known.
    bytes: u64,
}

impl From<Preview> for ValuePreview {
    fn from(Preview { value, truncated, bytes }: Preview) -> Self {
        Self { value, truncated, bytes }
    }
}

/// A whole value.
#[derive(Serialize, ToSchema)]
pub(crate) struct WholeValue {
    /// The value; null where there is none.
    pub(crate) value: Option<Value>,
}

/// What a node waits for.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunWaitView {
    /// The items around the node, such as `each[3]`; empty outside loops.
    scope: String,
    /// The key of the node.
    node: String,
    /// What it waits for.
    #[schema(value_type = sets::RunWaitKind)]
    kind: &'static str,
    /// What a signal must be called.
    key: Option<String>,
    /// What an approval asks, and whom.
    #[schema(value_type = Option<JsonObject>)]
    question: Option<Value>,
    /// Whether its time came while the run was paused.
    held: bool,
    /// Since when it waits.
    opened_at: DateTime<Utc>,
    /// When it no longer waits.
    due_at: Option<DateTime<Utc>>,
}

impl From<workflow_waits::Model> for RunWaitView {
    fn from(wait: workflow_waits::Model) -> Self {
        Self {
            scope: wait.scope,
            node: wait.node,
            kind: wait.kind.as_str(),
            key: wait.key,
            question: wait.question,
            held: wait.held,
            opened_at: wait.opened_at,
            due_at: wait.due_at,
        }
    }
}

/// A run with what it was given, what it waits for, and a page of its nodes.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunDetailView {
    #[serde(flatten)]
    pub(crate) run: RunView,
    /// What its trigger gave.
    pub(crate) input: Option<ValuePreview>,
    /// The open waits, at most 100.
    pub(crate) waits: Vec<RunWaitView>,
    /// Its nodes in the order in which they became ready.
    pub(crate) nodes: RunNodePage,
}

/// What the event stream of a run tells.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunEventView {
    /// The run as it is.
    run: RunView,
    /// Nodes that changed, at most 100; more follow in the next event.
    nodes: Vec<RunNodeStateView>,
}

impl From<RunUpdate> for RunEventView {
    fn from(update: RunUpdate) -> Self {
        let nodes = update.nodes.into_iter().map(RunNodeStateView::from);
        Self { run: update.run.into(), nodes: nodes.collect() }
    }
}

/// Why a run, or one of its nodes, does not go on.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunReasonView {
    /// Stable name. That of a node whose job waits is the code of its job.
    #[schema(value_type = sets::RunReasonCode)]
    code: String,
    /// A sentence for people.
    message: String,
    /// The items around the node; null where it is the run.
    scope: Option<String>,
    /// The key of the node; null where it is the run.
    node: Option<String>,
    /// The facts of the sentence.
    #[schema(value_type = Option<JsonObject>)]
    details: Value,
}

impl From<RunReason> for RunReasonView {
    fn from(reason: RunReason) -> Self {
        let (scope, node) = reason.node.unzip();
        let RunReason { code, message, details, .. } = reason;
        Self { code: code.into_owned(), message, scope, node, details }
    }
}

/// A run of a workflow, with what it was given.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedRunView {
    /// Its id.
    id: Uuid,
    /// The workflow.
    workflow_id: Uuid,
    /// The run whose node started it.
    parent_id: Option<Uuid>,
    /// What started it.
    #[schema(value_type = sets::RunCause)]
    cause: &'static str,
    /// Where it is in its life.
    #[schema(value_type = sets::RunStatus)]
    status: &'static str,
    /// What its trigger gave. Null if it is large.
    input: Option<Value>,
    /// Why it failed.
    failure: Option<Value>,
    /// When it was accepted.
    created_at: DateTime<Utc>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
}

impl From<workflow_runs::Model> for ExportedRunView {
    fn from(run: workflow_runs::Model) -> Self {
        Self {
            id: run.id.0,
            workflow_id: run.workflow_id.0,
            parent_id: run.parent_id.map(|parent| parent.0),
            cause: run.cause.as_str(),
            status: run.status.as_str(),
            input: run.input,
            failure: run.failure,
            created_at: run.created_at,
            finished_at: run.finished_at,
        }
    }
}
