//! Runs of workflows.

use atelier_entities::workflow_runs;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::{ToSchema, sets};

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
