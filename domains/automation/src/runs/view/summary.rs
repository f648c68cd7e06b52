//! Rows of runs and of their nodes without inputs and outputs.

use atelier_entities::{
    CancelCause, JobId, NodeState, ProjectId, RunCause, RunId, RunStatus, Timestamp, WorkflowId,
    WorkflowVersionId, workflow_node_runs, workflow_runs,
};
use sea_orm::{DerivePartialModel, JsonValue};

/// A run in a list: its row without its input.
#[derive(Clone, Debug, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "workflow_runs::Entity")]
#[allow(missing_docs, reason = "the columns of the entity")]
pub struct RunSummary {
    pub id: RunId,
    pub workflow_id: WorkflowId,
    pub version_id: WorkflowVersionId,
    pub project_id: Option<ProjectId>,
    pub root_id: RunId,
    pub parent_id: Option<RunId>,
    pub cause: RunCause,
    pub trigger_node: String,
    pub status: RunStatus,
    pub paused: bool,
    pub generation: i32,
    pub working: i32,
    pub waiting: i32,
    pub failure: Option<JsonValue>,
    pub rerun_of: Option<RunId>,
    pub deadline_at: Option<Timestamp>,
    pub revision: i64,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

impl From<workflow_runs::Model> for RunSummary {
    fn from(row: workflow_runs::Model) -> Self {
        Self {
            id: row.id,
            workflow_id: row.workflow_id,
            version_id: row.version_id,
            project_id: row.project_id,
            root_id: row.root_id,
            parent_id: row.parent_id,
            cause: row.cause,
            trigger_node: row.trigger_node,
            status: row.status,
            paused: row.paused,
            generation: row.generation,
            working: row.working,
            waiting: row.waiting,
            failure: row.failure,
            rerun_of: row.rerun_of,
            deadline_at: row.deadline_at,
            revision: row.revision,
            created_at: row.created_at,
            started_at: row.started_at,
            updated_at: row.updated_at,
            finished_at: row.finished_at,
        }
    }
}

/// How a node of a run is: its row without its output.
#[derive(Clone, Debug, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "workflow_node_runs::Entity")]
#[allow(missing_docs, reason = "the columns of the entity")]
pub struct NodeSummary {
    pub scope: String,
    pub node: String,
    pub state: NodeState,
    pub generation: i32,
    pub round: i32,
    pub attempt: i32,
    pub port: Option<String>,
    pub error: Option<JsonValue>,
    pub handled: bool,
    pub retry_at: Option<Timestamp>,
    pub cause: Option<CancelCause>,
    pub job_id: Option<JobId>,
    pub revision: i64,
    pub ready_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

impl From<workflow_node_runs::Model> for NodeSummary {
    fn from(row: workflow_node_runs::Model) -> Self {
        Self {
            scope: row.scope,
            node: row.node,
            state: row.state,
            generation: row.generation,
            round: row.round,
            attempt: row.attempt,
            port: row.port,
            error: row.error,
            handled: row.handled,
            retry_at: row.retry_at,
            cause: row.cause,
            job_id: row.job_id,
            revision: row.revision,
            ready_at: row.ready_at,
            finished_at: row.finished_at,
        }
    }
}
