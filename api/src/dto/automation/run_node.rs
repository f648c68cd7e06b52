//! The nodes of runs.

use atelier_automation::runs::{Decision, NodeSummary, NodeView, OpenApproval};
use atelier_entities::workflow_node_attempts;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::run::ValuePreview;
use crate::{
    dto::page::pages,
    schema::{IntoParams, ToSchema, free::JsonObject, sets},
};

pages! {
    /// A page of the nodes of a run.
    RunNodePage of RunNodeView;
}

/// Which nodes of a run are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunNodeFilterParams {
    /// Only those that changed after this revision of the run.
    #[param(minimum = 0)]
    pub(crate) changed_since: Option<i64>,
}

/// Where a node is that occurs in several items.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScopeParams {
    /// The items around the node, such as `each[3]` or `each[3].inner[7]`; left out outside loops.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "each[3]")]
    pub(crate) scope: String,
}

/// How a node of a run is.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunNodeStateView {
    /// The items around it, such as `each[3]`; empty outside loops.
    scope: String,
    /// Its key.
    node: String,
    /// Its state.
    #[schema(value_type = sets::RunNodeState)]
    state: &'static str,
    /// How often the run had been retried when it became ready.
    generation: i32,
    /// The round of a while node.
    round: i32,
    /// The number of its attempt, from 1.
    attempt: i32,
    /// The output port that it chose.
    port: Option<String>,
    /// Why its last attempt failed.
    #[schema(value_type = Option<JsonObject>)]
    error: Option<Value>,
    /// Whether its failure left by an edge.
    handled: bool,
    /// When it runs again.
    retry_at: Option<DateTime<Utc>>,
    /// Why it was cancelled.
    #[schema(value_type = Option<sets::RunCancelCause>)]
    cause: Option<&'static str>,
    /// The job of its attempt.
    job_id: Option<Uuid>,
    /// The run's revision at its last change.
    revision: i64,
    /// When it became ready.
    ready_at: DateTime<Utc>,
    /// When it was decided.
    finished_at: Option<DateTime<Utc>>,
}

impl From<NodeSummary> for RunNodeStateView {
    fn from(node: NodeSummary) -> Self {
        Self {
            scope: node.scope,
            node: node.node,
            state: node.state.as_str(),
            generation: node.generation,
            round: node.round,
            attempt: node.attempt,
            port: node.port,
            error: node.error,
            handled: node.handled,
            retry_at: node.retry_at,
            cause: node.cause.map(|cause| cause.as_str()),
            job_id: node.job_id.map(|id| id.0),
            revision: node.revision,
            ready_at: node.ready_at,
            finished_at: node.finished_at,
        }
    }
}

/// A node of a run with what it got and gave.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunNodeView {
    #[serde(flatten)]
    node: RunNodeStateView,
    /// What arrived at it; null where nothing did.
    input: Option<ValuePreview>,
    /// What it gave; null where it gave nothing.
    output: Option<ValuePreview>,
    /// The taken edges that lead to it, such as `check.true>send.in`.
    inbound: Vec<String>,
}

impl From<NodeView> for RunNodeView {
    fn from(node: NodeView) -> Self {
        Self {
            node: node.summary.into(),
            input: node.input.map(ValuePreview::from),
            output: node.output.map(ValuePreview::from),
            inbound: node.inputs,
        }
    }
}

/// An attempt of a node that failed.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunNodeAttemptView {
    /// How often the run had been retried.
    generation: i32,
    /// The round of a while node.
    round: i32,
    /// Its number, from 1.
    attempt: i32,
    /// The job that ran it.
    job_id: Option<Uuid>,
    /// Why it failed.
    #[schema(value_type = JsonObject)]
    error: Value,
    /// When it became ready.
    ready_at: DateTime<Utc>,
    /// When it failed.
    finished_at: DateTime<Utc>,
}

impl From<workflow_node_attempts::Model> for RunNodeAttemptView {
    fn from(row: workflow_node_attempts::Model) -> Self {
        Self {
            generation: row.generation,
            round: row.round,
            attempt: row.attempt,
            job_id: row.job_id.map(|id| id.0),
            error: row.error,
            ready_at: row.ready_at,
            finished_at: row.finished_at,
        }
    }
}

/// A decision about an approval. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionInput {
    /// Whether it is given.
    pub(crate) approved: bool,
    /// What to say about it, at most 2,000 characters.
    #[schema(max_length = 2000)]
    comment: Option<String>,
}

impl From<DecisionInput> for Decision {
    fn from(input: DecisionInput) -> Self {
        Self { approved: input.approved, comment: input.comment }
    }
}

/// What an approval asks whoever has its link.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApprovalView {
    /// The question.
    message: String,
    /// The name of the workflow.
    workflow: String,
    /// The key of the node that waits.
    node: String,
    /// Since when it waits.
    asked_at: DateTime<Utc>,
    /// When it no longer waits.
    due_at: Option<DateTime<Utc>>,
}

impl From<OpenApproval> for ApprovalView {
    fn from(approval: OpenApproval) -> Self {
        let OpenApproval { message, workflow, node, asked_at, due_at } = approval;
        Self { message, workflow, node, asked_at, due_at }
    }
}

/// What became of an approval.
#[derive(Serialize, ToSchema)]
pub(crate) struct DecidedView {
    /// Whether it was given.
    pub(crate) approved: bool,
}

/// The link by which somebody may decide about an approval once, without an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApprovalLinkView {
    /// The token; it is shown once.
    pub(crate) token: String,
    /// The address of the decision, below that of the API.
    pub(crate) path: String,
}
