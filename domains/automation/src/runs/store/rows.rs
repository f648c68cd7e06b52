//! Rows as the engine reads them, without the large values that it does not need.

use atelier_entities::{
    CancelCause, ItemState, JobId, LoopClosing, NodeState, ProjectId, RunId, RunStatus, Timestamp, UserId,
    WaitKind, WorkflowId, WorkflowScheduleId, WorkflowVersionId,
};
use chrono::TimeDelta;
use sea_orm::{FromQueryResult, JsonValue};

use crate::engine::{EdgeId, ItemRun, LoopRun, NodeError, NodeRun, Plan, Run, Signal, Wait};

/// The columns of [`RunRow`].
pub(super) const RUN: &str = "id, workflow_id, version_id, user_id, project_id, root_id, parent_id, parent_attempt, depth, trigger_node, lane, status, paused, paused_by, paused_at, generation, working, waiting, failure, handles_error, output_bytes, deadline_at, active_left, revision, created_at, started_at, finished_at, schedule_id, EXISTS (SELECT 1 FROM account_erasures AS erasures WHERE erasures.user_id = workflow_runs.user_id) AS withdrawn";

/// The row of a run without its input.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct RunRow {
    pub(crate) id: RunId,
    pub(crate) workflow_id: WorkflowId,
    pub(crate) version_id: WorkflowVersionId,
    pub(crate) user_id: UserId,
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) root_id: RunId,
    pub(crate) parent_id: Option<RunId>,
    pub(crate) parent_attempt: Option<String>,
    pub(crate) depth: i32,
    pub(crate) trigger_node: String,
    pub(crate) lane: i16,
    pub(crate) status: RunStatus,
    pub(crate) paused: bool,
    pub(crate) paused_by: Option<UserId>,
    pub(crate) paused_at: Option<Timestamp>,
    pub(crate) generation: i32,
    pub(crate) working: i32,
    pub(crate) waiting: i32,
    pub(crate) failure: Option<JsonValue>,
    pub(crate) handles_error: bool,
    pub(crate) output_bytes: i64,
    pub(crate) deadline_at: Option<Timestamp>,
    pub(crate) active_left: Option<i64>,
    pub(crate) revision: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) schedule_id: Option<WorkflowScheduleId>,
    /// Whether its owner has closed the account: nothing goes on in it.
    pub(crate) withdrawn: bool,
}

impl RunRow {
    /// The time that is left for work; below zero where it is over.
    pub(crate) fn time_left(&self, now: Timestamp) -> Option<TimeDelta> {
        let kept = self.active_left.map(TimeDelta::milliseconds);
        kept.or_else(|| self.deadline_at.map(|deadline| deadline - now))
    }

    pub(super) fn engine_run(&self) -> Run {
        Run {
            status: self.status,
            paused: self.paused,
            generation: number(self.generation),
            working: number(self.working),
            waiting: number(self.waiting),
            failure: read(self.failure.as_ref()),
            accepted_at: self.created_at,
            handles_error: self.handles_error,
        }
    }
}

/// The columns of [`NodeRow`].
pub(super) const NODE: &str = "run_id, scope, node, state, generation, round, attempt, port, passed, error, handled, retry_at, cause, job_id, ready_at, finished_at";

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct NodeRow {
    pub(super) run_id: RunId,
    pub(super) scope: String,
    pub(super) node: String,
    state: NodeState,
    generation: i32,
    round: i32,
    attempt: i32,
    port: Option<String>,
    passed: bool,
    error: Option<JsonValue>,
    handled: bool,
    retry_at: Option<Timestamp>,
    cause: Option<CancelCause>,
    pub(super) job_id: Option<JobId>,
    pub(super) ready_at: Timestamp,
    pub(super) finished_at: Option<Timestamp>,
}

impl NodeRow {
    pub(super) fn engine_node(&self) -> NodeRun {
        NodeRun {
            state: self.state,
            generation: number(self.generation),
            round: number(self.round),
            attempt: number(self.attempt),
            port: self.port.clone(),
            passed: self.passed,
            error: read::<NodeError>(self.error.as_ref()),
            handled: self.handled,
            retry_at: self.retry_at,
            cause: self.cause,
        }
    }
}

/// The columns of [`LoopRow`].
pub(super) const LOOP: &str = "run_id, scope, node, total, next, active, parked, failed, queued, closing";

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct LoopRow {
    pub(super) run_id: RunId,
    pub(super) scope: String,
    pub(super) node: String,
    total: Option<i32>,
    next: i32,
    active: i32,
    parked: i32,
    failed: i32,
    queued: i32,
    closing: Option<LoopClosing>,
}

impl LoopRow {
    pub(super) fn engine_loop(&self) -> LoopRun {
        LoopRun {
            total: self.total.map(number),
            next: number(self.next),
            active: number(self.active),
            parked: number(self.parked),
            failed: number(self.failed),
            queued: number(self.queued),
            closing: self.closing,
        }
    }
}

/// The columns of [`ItemRow`].
pub(super) const ITEM: &str = "run_id, scope, state, working, waiting, failure, cause";

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct ItemRow {
    pub(super) run_id: RunId,
    pub(super) scope: String,
    state: ItemState,
    working: i32,
    waiting: i32,
    failure: Option<JsonValue>,
    cause: Option<CancelCause>,
}

impl ItemRow {
    pub(super) fn engine_item(&self) -> ItemRun {
        ItemRun {
            state: self.state,
            working: number(self.working),
            waiting: number(self.waiting),
            failure: read(self.failure.as_ref()),
            cause: self.cause,
        }
    }
}

/// The columns of [`WaitRow`].
pub(super) const WAIT: &str = "run_id, scope, node, generation, round, attempt, kind, key, due_at, opened_at, closed, held, job_id, awaited_job_id";

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct WaitRow {
    pub(super) run_id: RunId,
    pub(super) scope: String,
    pub(super) node: String,
    pub(super) generation: i32,
    pub(super) round: i32,
    pub(super) attempt: i32,
    kind: WaitKind,
    key: Option<String>,
    due_at: Option<Timestamp>,
    opened_at: Timestamp,
    closed: bool,
    held: bool,
    pub(super) job_id: Option<JobId>,
    pub(super) awaited_job_id: Option<JobId>,
}

impl WaitRow {
    pub(super) fn engine_wait(&self) -> Wait {
        Wait {
            kind: self.kind,
            key: self.key.clone(),
            due: self.due_at,
            opened_at: self.opened_at,
            closed: self.closed,
            held: self.held,
        }
    }
}

/// The columns of [`SignalRow`].
pub(super) const SIGNAL: &str = "run_id, id, key, sent_at, taken_scope, taken_node";

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct SignalRow {
    pub(super) run_id: RunId,
    pub(super) id: String,
    key: String,
    sent_at: Timestamp,
    taken_scope: Option<String>,
    taken_node: Option<String>,
}

impl SignalRow {
    pub(super) fn engine_signal(&self, plan: &Plan) -> Signal {
        let taken_by = self.taken_scope.as_deref().zip(self.taken_node.as_deref());
        let taken_by = taken_by.and_then(|(scope, node)| Some((scope.parse().ok()?, plan.find_node(node)?)));
        Signal { key: self.key.clone(), sent_at: self.sent_at, taken_by }
    }
}

/// The columns of [`EdgeRow`].
pub(super) const EDGE: &str = "run_id, scope, edge, taken, error, late";

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct EdgeRow {
    pub(super) run_id: RunId,
    pub(super) scope: String,
    pub(super) edge: String,
    pub(super) taken: bool,
    pub(super) error: bool,
    pub(super) late: bool,
}

/// The name of an edge, such as `check.true>send.in`.
pub(crate) fn edge_name(plan: &Plan, edge: EdgeId) -> String {
    let (from, port, to) = plan.ends(edge);
    format!("{}.{port}>{}.{}", plan.key(from), plan.key(to), crate::graph::INPUT)
}

/// The edge of a name.
pub(crate) fn find_edge(plan: &Plan, name: &str) -> Option<EdgeId> {
    let (from, to) = name.rsplit_once('>')?;
    let (from, port) = from.split_once('.')?;
    let (to, _) = to.rsplit_once('.')?;
    let (from, to) = (plan.find_node(from)?, plan.find_node(to)?);
    plan.outbound(from).iter().copied().find(|edge| plan.ends(*edge) == (from, port, to))
}

/// Counts are never negative.
fn number(value: i32) -> u32 {
    u32::try_from(value).unwrap_or_default()
}

fn read<T: serde::de::DeserializeOwned>(value: Option<&JsonValue>) -> Option<T> {
    serde_json::from_value(value?.clone()).ok()
}
