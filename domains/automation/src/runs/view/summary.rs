//! Rows of runs and of their nodes without inputs and outputs.

use atelier_entities::{
    CancelCause, JobId, NodeState, ProjectId, RunCause, RunId, RunStatus, Timestamp, WorkflowId,
    WorkflowVersionId, workflow_node_runs, workflow_runs,
};
use sea_orm::{DerivePartialModel, JsonValue};

/// Declares some columns of a row.
macro_rules! summary {
    ($(#[$about:meta])* $name:ident, $entity:tt, $model:ty { $($column:ident: $type:ty,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, DerivePartialModel)]
        #[sea_orm(entity = $entity)]
        #[allow(missing_docs, reason = "the columns of the entity")]
        pub struct $name {
            $(pub $column: $type,)+
        }

        impl From<$model> for $name {
            fn from(row: $model) -> Self {
                Self { $($column: row.$column,)+ }
            }
        }
    };
}

summary! {
    /// A run in a list: its row without its input.
    RunSummary, "workflow_runs::Entity", workflow_runs::Model {
        id: RunId,
        workflow_id: WorkflowId,
        version_id: WorkflowVersionId,
        project_id: Option<ProjectId>,
        root_id: RunId,
        parent_id: Option<RunId>,
        cause: RunCause,
        trigger_node: String,
        status: RunStatus,
        paused: bool,
        generation: i32,
        working: i32,
        waiting: i32,
        failure: Option<JsonValue>,
        rerun_of: Option<RunId>,
        deadline_at: Option<Timestamp>,
        revision: i64,
        created_at: Timestamp,
        started_at: Option<Timestamp>,
        updated_at: Timestamp,
        finished_at: Option<Timestamp>,
    }
}

summary! {
    /// How a node of a run is: its row without its output.
    NodeSummary, "workflow_node_runs::Entity", workflow_node_runs::Model {
        scope: String,
        node: String,
        state: NodeState,
        generation: i32,
        round: i32,
        attempt: i32,
        port: Option<String>,
        error: Option<JsonValue>,
        handled: bool,
        retry_at: Option<Timestamp>,
        cause: Option<CancelCause>,
        job_id: Option<JobId>,
        revision: i64,
        ready_at: Timestamp,
        finished_at: Option<Timestamp>,
    }
}
