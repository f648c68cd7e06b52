//! What people do with runs that are under way: cancel, pause, resume, retry.

use std::collections::HashSet;

use atelier_entities::{JobId, JobState, RunId, RunStatus, jobs, workflow_runs};
use atelier_foundation::{Actor, audit};
use atelier_queue::{Job, QueueError, Transaction};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    RunError, RunNode, Runs, admissions::Admissions, advance::advance, event::RunEvent, run_target,
    store::LockedRuns,
};
use crate::engine::Admission;

impl Runs {
    /// Cancels a run with its child runs, unless their nodes let them go on. Jobs that run are told to stop.
    ///
    /// # Errors
    /// If there is no such run, or it has ended.
    pub async fn cancel(&self, actor: &Actor, run: RunId) -> Result<workflow_runs::Model, RunError> {
        let own = self.find_own(actor, run).await?;
        let tx = self.queue.begin().await?;
        let locked = tx.lock_about(&list_tree(&tx, own.root_id).await?).await?;
        let mut answers = advance(&tx, vec![(run, RunEvent::Cancel)]).await?;
        if let Some(Err(refusal)) = answers.pop() {
            return Err(RunError::of(&refusal, own.status, "cancelled"));
        }
        cancel_jobs_of_ended(&tx, &locked).await?;
        self.finish(tx, actor, run, ("run.cancel", json!({}))).await
    }

    /// Keeps a run from starting anything new. What is under way finishes, and its end is kept.
    ///
    /// # Errors
    /// If there is no such run, or it is not under way.
    pub async fn pause(&self, actor: &Actor, run: RunId) -> Result<workflow_runs::Model, RunError> {
        let own = self.find_own(actor, run).await?;
        let tx = self.queue.begin().await?;
        let locked = tx.lock_about(&[run.0]).await?;
        let mut answers = advance(&tx, vec![(run, RunEvent::Pause(actor.user()))]).await?;
        if let Some(Err(refusal)) = answers.pop() {
            return Err(RunError::of(&refusal, own.status, "paused"));
        }
        let waiting = locked.iter().filter(|job| RunNode::is(&job.kind) && job.state != JobState::Running);
        let waiting: Vec<JobId> = waiting.map(|job| job.id).collect();
        tx.cancel_many(&waiting).await?;
        self.finish(tx, actor, run, ("run.pause", json!({}))).await
    }

    /// Lets a paused run go on.
    ///
    /// # Errors
    /// If there is no such run, or it is not paused.
    pub async fn resume(&self, actor: &Actor, run: RunId) -> Result<workflow_runs::Model, RunError> {
        self.steer(actor, run, RunEvent::Resume, ("run.resume", "resumed")).await
    }

    /// Runs what failed in an ended run again, and what was not run because of it. Nothing else runs again.
    ///
    /// # Errors
    /// If there is no such run, nothing failed in it, or the workflow has as many runs as it may.
    pub async fn retry(&self, actor: &Actor, run: RunId) -> Result<workflow_runs::Model, RunError> {
        self.steer(actor, run, RunEvent::RetryFailed, ("run.retry", "retried")).await
    }

    /// Runs the failed items of a loop again, and what follows the loop. `scope` names the items around the
    /// loop, such as `each[3]`.
    ///
    /// # Errors
    /// If there is no such run or loop, no item of it failed, or the workflow has as many runs as it may.
    pub async fn retry_items(
        &self,
        actor: &Actor,
        run: RunId,
        (scope, node): (&str, &str),
    ) -> Result<workflow_runs::Model, RunError> {
        let event = RunEvent::RetryItems { scope: scope.to_owned(), node: node.to_owned() };
        self.steer(actor, run, event, ("run.retry_items", "retried")).await
    }

    async fn steer(
        &self,
        actor: &Actor,
        run: RunId,
        event: RunEvent,
        (action, participle): (&str, &'static str),
    ) -> Result<workflow_runs::Model, RunError> {
        let own = self.find_own(actor, run).await?;
        let tx = self.queue.begin().await?;
        if matches!(event, RunEvent::RetryFailed | RunEvent::RetryItems { .. }) {
            admit_again(&tx, &own).await?;
        }
        let mut answers = advance(&tx, vec![(run, event)]).await?;
        if let Some(Err(refusal)) = answers.pop() {
            return Err(RunError::of(&refusal, own.status, participle));
        }
        self.finish(tx, actor, run, (action, json!({}))).await
    }

    /// Records an action on a run, commits, and returns the run.
    pub(super) async fn finish(
        &self,
        tx: Transaction,
        actor: &Actor,
        run: RunId,
        (action, context): (&str, Value),
    ) -> Result<workflow_runs::Model, RunError> {
        audit::record(&tx, actor, action, run_target(run), context).await?;
        let row = workflow_runs::Entity::find_by_id(run).one(&*tx).await?;
        let row = row.ok_or(RunError::NotFound("run"))?;
        tx.commit().await?;
        Ok(row)
    }
}

/// Whether an ended run may run again: it counts like a new one.
async fn admit_again(tx: &Transaction, run: &workflow_runs::Model) -> Result<(), RunError> {
    let mut locked = LockedRuns::default();
    locked.lock(tx, &[run.id]).await?;
    let status = locked.runs.get(&run.id).map(|run| run.row.status);
    if status.is_none_or(|status| !status.is_final()) {
        return Err(RunError::WrongState { status: status.unwrap_or(run.status), action: "retried" });
    }
    let mut admissions = Admissions::default();
    admissions.load(tx, [run.workflow_id]).await?;
    match admissions.admit(run.workflow_id) {
        Admission::Start => Ok(()),
        _ => Err(RunError::Busy(admissions.concurrency(run.workflow_id).limit.unwrap_or_default())),
    }
}

/// The runs of a tree that have not ended.
pub(super) async fn list_tree(tx: &Transaction, root: RunId) -> Result<Vec<Uuid>, RunError> {
    let tree = workflow_runs::Entity::find()
        .select_only()
        .column(workflow_runs::Column::Id)
        .filter(workflow_runs::Column::RootId.eq(root))
        .filter(workflow_runs::Column::FinishedAt.is_null());
    let tree: Vec<RunId> = tree.into_tuple().all(&**tx).await?;
    Ok(tree.into_iter().map(|run| run.0).collect())
}

/// Cancels those of these locked jobs that are about runs which have ended. Returns how many there are. A run
/// that somebody retries after the jobs were locked has other jobs.
pub(crate) async fn cancel_jobs_of_ended(
    tx: &Transaction,
    locked: &[jobs::Model],
) -> Result<usize, QueueError> {
    let subjects: HashSet<Uuid> = locked.iter().filter_map(|job| job.subject_id).collect();
    if subjects.is_empty() {
        return Ok(0);
    }
    let ended = workflow_runs::Entity::find()
        .select_only()
        .column(workflow_runs::Column::Id)
        .filter(workflow_runs::Column::Id.is_in(subjects))
        .filter(workflow_runs::Column::Status.is_in(ENDED));
    let ended: Vec<RunId> = ended.into_tuple().all(&**tx).await?;
    let ended: HashSet<Uuid> = ended.into_iter().map(|run| run.0).collect();
    let of_ended = locked.iter().filter(|job| job.subject_id.is_some_and(|run| ended.contains(&run)));
    let ids: Vec<_> = of_ended.map(|job| job.id).collect();
    tx.cancel_many(&ids).await?;
    Ok(ids.len())
}

/// The final states of runs.
pub(super) const ENDED: [RunStatus; 4] =
    [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled, RunStatus::TimedOut];
