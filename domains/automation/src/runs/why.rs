//! Why a run does not go on.

use std::{borrow::Cow, collections::HashMap};

use atelier_entities::{
    JobId, JobState, NodeState, RunId, RunStatus, jobs, workflow_node_runs, workflow_runs, workflow_waits,
    workflows,
};
use atelier_foundation::Actor;
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::{Value, json};

use super::{RunError, Runs};
use crate::workflows::Settings;

/// Most nodes and most waits that are named.
const MAX_REASONS: u64 = 20;

/// Why a run, or one of its nodes, does not go on.
#[derive(Clone, Debug, PartialEq)]
pub struct RunReason {
    /// A stable name, in `UPPER_SNAKE`. That of a node whose job waits is the code of its job.
    pub code: Cow<'static, str>,
    /// A sentence.
    pub message: String,
    /// The node, with the items around it.
    pub node: Option<(String, String)>,
    /// The facts of the sentence for programs.
    pub details: Value,
}

impl RunReason {
    fn of_run(code: &'static str, message: impl Into<String>, details: Value) -> Self {
        Self { code: code.into(), message: message.into(), node: None, details }
    }
}

impl Runs {
    /// Why a run does not go on: all reasons, those of the run first. A run whose nodes are at work has the
    /// reasons of their jobs.
    ///
    /// # Errors
    /// If there is no such run.
    pub async fn why(&self, actor: &Actor, run: RunId) -> Result<Vec<RunReason>, RunError> {
        let run = self.find_own(actor, run).await?;
        if run.status.is_final() {
            let message = format!("It has ended: it is {}.", run.status);
            return Ok(vec![RunReason::of_run("ENDED", message, json!({"status": run.status}))]);
        }
        if run.status == RunStatus::Queued {
            return Ok(vec![self.why_queued(&run).await?]);
        }
        let mut reasons = Vec::new();
        if run.paused {
            let details = json!({"by": run.paused_by, "since": run.paused_at});
            let message = "It is paused until somebody resumes it.";
            reasons.push(RunReason::of_run("PAUSED", message, details));
        }
        reasons.extend(self.list_waits(run.id).await?);
        reasons.extend(self.list_jobs_of_nodes(&run).await?);
        Ok(reasons)
    }

    async fn why_queued(&self, run: &workflow_runs::Model) -> Result<RunReason, RunError> {
        use workflow_runs::Column as C;
        let db = self.queue.db();
        let of_workflow = workflow_runs::Entity::find()
            .filter(C::WorkflowId.eq(run.workflow_id))
            .filter(C::FinishedAt.is_null());
        let before = of_workflow.clone().filter(C::Status.eq(RunStatus::Queued)).filter(C::Id.lt(run.id));
        let position = before.count(db).await?;
        let under_way = of_workflow.filter(C::Status.ne(RunStatus::Queued)).count(db).await?;
        let workflow = workflows::Entity::find_by_id(run.workflow_id).one(db).await?;
        let limits = workflow.map(|row| Settings::known(&row).concurrency).unwrap_or_default();
        let details = json!({"position": position, "under_way": under_way, "limit": limits.limit});
        let message = match limits.limit {
            Some(limit) => format!(
                "The workflow runs at most {limit} at once; {under_way} are under way, and {position} are queued before it."
            ),
            None => format!("It is about to start; {position} are queued before it."),
        };
        Ok(RunReason::of_run("WORKFLOW_LIMIT", message, details))
    }

    async fn list_waits(&self, run: RunId) -> Result<Vec<RunReason>, RunError> {
        use workflow_waits::Column as C;
        let waits = workflow_waits::Entity::find()
            .filter(C::RunId.eq(run))
            .filter(C::Closed.eq(false))
            .order_by_asc(C::OpenedAt)
            .limit(MAX_REASONS);
        let waits = waits.all(self.queue.db()).await?;
        let ids: Vec<JobId> = waits.iter().filter_map(|wait| wait.awaited_job_id).collect();
        let mut jobs = HashMap::new();
        if !ids.is_empty() {
            let found = jobs::Entity::find()
                .select_only()
                .columns([jobs::Column::Id, jobs::Column::Kind, jobs::Column::State])
                .filter(jobs::Column::Id.is_in(ids));
            let found: Vec<(JobId, String, JobState)> = found.into_tuple().all(self.queue.db()).await?;
            jobs.extend(found.into_iter().map(|(id, kind, state)| (id, (kind, state))));
        }
        Ok(waits.into_iter().map(|wait| of_wait(wait, &jobs)).collect())
    }

    async fn list_jobs_of_nodes(&self, run: &workflow_runs::Model) -> Result<Vec<RunReason>, RunError> {
        use workflow_node_runs::Column as C;
        let working = workflow_node_runs::Entity::find()
            .select_only()
            .columns([C::Scope, C::Node, C::JobId])
            .filter(C::RunId.eq(run.id))
            .filter(C::State.is_in([NodeState::Ready, NodeState::Running, NodeState::Retrying]))
            .order_by_asc(C::ReadyAt)
            .limit(MAX_REASONS);
        let working: Vec<(String, String, Option<JobId>)> = working.into_tuple().all(self.queue.db()).await?;
        let ids: Vec<JobId> = working.iter().filter_map(|(_, _, job)| *job).collect();
        let found = jobs::Entity::find().filter(jobs::Column::Id.is_in(ids));
        let found = found.filter(Expr::cust("jobs.phase < 2")).all(self.queue.db()).await?;
        let found: HashMap<JobId, jobs::Model> = found.into_iter().map(|job| (job.id, job)).collect();
        let mut reasons = Vec::with_capacity(working.len());
        for (scope, node, job) in working {
            let node = Some((scope, node));
            let reason = match job.and_then(|job| found.get(&job)) {
                Some(job) => {
                    let why = self.queue.why(job).await?;
                    let details = json!({
                        "job_id": job.id,
                        "position": why.position,
                        "estimated_start": why.estimated_start,
                        "retry_at": why.retry_at,
                        "details": why.details,
                    });
                    RunReason { code: why.code, message: why.message, node, details }
                }
                None if run.paused => continue,
                None => RunReason {
                    node,
                    ..RunReason::of_run("NO_JOB", "The node gets a job within a minute.", Value::Null)
                },
            };
            reasons.push(reason);
        }
        Ok(reasons)
    }
}

/// The reason that a wait is, with the kinds and states of the jobs that are awaited.
fn of_wait(wait: workflow_waits::Model, jobs: &HashMap<JobId, (String, JobState)>) -> RunReason {
    use atelier_entities::WaitKind;
    let (code, message) = match wait.kind {
        WaitKind::Delay | WaitKind::Until => ("WAITING_FOR_TIME", "It waits until its time has come."),
        WaitKind::Approval => ("WAITING_FOR_APPROVAL", "It waits for somebody's decision."),
        WaitKind::Signal => ("WAITING_FOR_SIGNAL", "It waits for a signal."),
        WaitKind::Child => ("WAITING_FOR_RUN", "It waits for the end of another run."),
        WaitKind::Job => ("WAITING_FOR_JOB", "It waits for the end of a job that it started."),
    };
    let job = wait.awaited_job_id.map(|id| {
        let (kind, state) = jobs.get(&id).map(|(kind, state)| (kind, state)).unzip();
        json!({"id": id, "kind": kind, "state": state})
    });
    let details = json!({
        "job": job,
        "kind": wait.kind,
        "key": wait.key,
        "due_at": wait.due_at,
        "since": wait.opened_at,
        "question": wait.question,
        "attempt": wait.attempt,
    });
    RunReason { node: Some((wait.scope, wait.node)), ..RunReason::of_run(code, message, details) }
}
