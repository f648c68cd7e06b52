//! The rows of a run.

use atelier_entities::{
    CancelCause, NodeState, RunCause, RunId, RunStatus, Timestamp, UserId, WorkflowId, WorkflowVersionId,
    workflow_node_runs, workflow_nodes, workflow_runs, workflow_versions, workflows,
};
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};

use crate::graph::Node;

/// The row of a node in the run.
#[derive(Clone)]
pub(in super::super) struct NodeRow {
    pub(in super::super) scope: String,
    pub(in super::super) node: String,
    pub(in super::super) state: NodeState,
    pub(in super::super) round: i32,
    pub(in super::super) attempt: i32,
    pub(in super::super) passed: bool,
    pub(in super::super) error: Option<Value>,
    pub(in super::super) cause: Option<CancelCause>,
    pub(in super::super) output: Option<Value>,
    pub(in super::super) output_object: Option<String>,
    pub(in super::super) output_bytes: i64,
}

impl NodeRow {
    pub(in super::super) fn bare(node: &str, state: NodeState) -> Self {
        Self {
            scope: String::new(),
            node: node.to_owned(),
            state,
            round: 0,
            attempt: 1,
            passed: false,
            error: None,
            cause: None,
            output: None,
            output_object: None,
            output_bytes: 0,
        }
    }

    pub(in super::super) fn ready(node: &str) -> Self {
        Self::bare(node, NodeState::Ready)
    }

    pub(in super::super) fn done(node: &str, output: Value) -> Self {
        let output_bytes = i64::try_from(output.to_string().len()).unwrap();
        Self { output: Some(output), output_bytes, ..Self::bare(node, NodeState::Succeeded) }
    }

    pub(super) fn into_model(self, run_id: RunId) -> workflow_node_runs::Model {
        workflow_node_runs::Model {
            run_id,
            scope: self.scope,
            node: self.node,
            state: self.state,
            generation: 0,
            round: self.round,
            attempt: self.attempt,
            port: None,
            passed: self.passed,
            error: self.error,
            handled: false,
            retry_at: None,
            cause: self.cause,
            job_id: None,
            output: self.output,
            output_object: self.output_object,
            output_bytes: self.output_bytes,
            revision: 1,
            ready_at: moment(),
            finished_at: None,
        }
    }
}

pub(super) fn moment() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

pub(super) fn workflow_row(
    id: WorkflowId,
    user_id: UserId,
    version_id: WorkflowVersionId,
) -> workflows::Model {
    workflows::Model {
        id,
        user_id,
        project_id: None,
        name: "Orders".to_owned(),
        description: String::new(),
        enabled: true,
        settings: json!({"vars": {"rate": 3}}),
        error_workflow_id: None,
        draft_id: version_id,
        published_id: Some(version_id),
        last_number: 1,
        revision: 1,
        created_at: moment(),
        updated_at: moment(),
        deleted_at: None,
    }
}

pub(super) fn run_row(
    id: RunId,
    version: &workflow_versions::Model,
    user_id: UserId,
    input: Value,
) -> workflow_runs::Model {
    workflow_runs::Model {
        id,
        workflow_id: version.workflow_id,
        version_id: version.id,
        user_id,
        project_id: None,
        root_id: id,
        parent_id: None,
        parent_attempt: None,
        depth: 0,
        cause: RunCause::Manual,
        trigger_node: "start".to_owned(),
        lane: 1,
        status: RunStatus::Running,
        paused: false,
        paused_by: None,
        paused_at: None,
        generation: 0,
        working: 1,
        waiting: 0,
        failure: None,
        handles_error: false,
        input: Some(input),
        input_object: None,
        output_bytes: 0,
        caused_by: None,
        schedule_id: None,
        rerun_of: None,
        deadline_at: None,
        active_left: None,
        revision: 1,
        created_at: moment(),
        started_at: Some(moment()),
        updated_at: moment(),
        finished_at: None,
    }
}

pub(super) fn node_row(
    version_id: WorkflowVersionId,
    node: &Node,
    parent: Option<&str>,
    position: i32,
) -> workflow_nodes::ActiveModel {
    workflow_nodes::ActiveModel {
        version_id: Set(version_id),
        key: Set(node.key.clone()),
        position: Set(position),
        parent: Set(parent.map(str::to_owned)),
        kind: Set(node.kind.clone()),
        type_version: Set(1),
        name: Set(None),
        x: Set(None),
        y: Set(None),
        disabled: Set(node.disabled),
        config: Set(Value::Object(node.config.clone())),
        policy: Set(serde_json::to_value(&node.policy).unwrap()),
    }
}
