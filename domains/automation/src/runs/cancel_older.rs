//! Jobs that cancel what an effect cannot wait for: older runs, and the jobs that a run no longer needs.

use std::collections::HashSet;

use atelier_entities::{JobId, NodeState, RunId, RunStatus, WorkflowId, workflow_runs};
use atelier_queue::{Job, JobContext, JobError, Outcome, QueueError, Sql, Transaction};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{
    CancelOlder, RunNode, Runs, StopJobs, WakeNode, admissions::Admissions, advance::advance,
    awaited::list_abandoned, event::RunEvent, store::LockedRuns,
};
use crate::{engine::Concurrency, workflows::Settings};

impl Runs {
    /// Cancels runs that are older than a queued one, as many as it takes for that one to start.
    pub(crate) async fn cancel_older(
        &self,
        _ctx: &JobContext,
        args: CancelOlder,
    ) -> Result<Outcome, JobError> {
        let tx = self.queue.begin().await?;
        let mut admissions = Admissions::default();
        let unfinished = list_unfinished(&tx, args.workflow_id).await?;
        let limits = self.limits_of(args.workflow_id).await?;
        let older = older_than(args.run_id, &unfinished, limits);
        if !older.is_empty() {
            tx.lock_about(&list_trees(&tx, &older).await?).await?;
            advance(&tx, older.into_iter().map(|run| (run, RunEvent::Cancel)).collect()).await?;
        }
        admissions.load(&tx, [args.workflow_id]).await?;
        let starts = admissions.start_queued(&tx, args.workflow_id).await?;
        if !starts.is_empty() {
            tx.enqueue_all(starts).await?;
        }
        tx.commit().await?;
        Ok(Outcome::done())
    }

    async fn limits_of(&self, workflow: WorkflowId) -> Result<Concurrency, DbErr> {
        let row = atelier_entities::workflows::Entity::find_by_id(workflow).one(self.queue.db()).await?;
        Ok(row.map(|row| Settings::known(&row).concurrency).unwrap_or_default())
    }

    /// Cancels the jobs of a run that it no longer needs.
    pub(crate) async fn stop_jobs(&self, _ctx: &JobContext, args: StopJobs) -> Result<Outcome, JobError> {
        let tx = self.queue.begin().await?;
        let jobs = tx.lock_about(&[args.run_id.0]).await?;
        LockedRuns::default().lock(&tx, &[args.run_id]).await?;
        let needed = list_needed_jobs(&tx, args.run_id).await?;
        let of_nodes = |kind: &str| RunNode::is(kind) || WakeNode::is(kind);
        let unneeded = jobs.iter().filter(|job| of_nodes(&job.kind) && !needed.contains(&job.id));
        tx.cancel_many(&unneeded.map(|job| job.id).collect::<Vec<_>>()).await?;
        let abandoned = list_abandoned(&tx, args.run_id).await?;
        let locked = tx.cancel_many(&abandoned).await?.locked;
        tx.commit().await?;
        if locked.is_empty() {
            return Ok(Outcome::done());
        }
        Err(JobError::retry("LOCKED", "a job that a node started is locked by somebody else"))
    }
}

/// The runs to cancel for a queued one: those that are queued before it, and the oldest under way beyond the
/// limit. None where it has begun or ended.
fn older_than(run: RunId, unfinished: &[(RunId, RunStatus)], limits: Concurrency) -> Vec<RunId> {
    let Some(limit) = limits.limit else { return Vec::new() };
    if !unfinished.contains(&(run, RunStatus::Queued)) {
        return Vec::new();
    }
    let is_queued = |status: RunStatus| status == RunStatus::Queued;
    let counts =
        |status: RunStatus| !is_queued(status) && (limits.count_waiting || status != RunStatus::Waiting);
    let occupied: Vec<RunId> =
        unfinished.iter().filter(|(_, status)| counts(*status)).map(|(id, _)| *id).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
    let beyond = (occupied.len() + 1).saturating_sub(limit);
    let queued = unfinished.iter().filter(|(id, status)| is_queued(*status) && *id < run).map(|(id, _)| *id);
    queued.chain(occupied.into_iter().take(beyond)).collect()
}

/// The runs of a workflow that have not ended, the oldest first.
async fn list_unfinished(tx: &Transaction, workflow: WorkflowId) -> Result<Vec<(RunId, RunStatus)>, DbErr> {
    use workflow_runs::Column as C;
    let runs = workflow_runs::Entity::find()
        .select_only()
        .columns([C::Id, C::Status])
        .filter(C::WorkflowId.eq(workflow))
        .filter(C::FinishedAt.is_null())
        .order_by_asc(C::Id);
    runs.into_tuple().all(&**tx).await
}

/// The unfinished runs of the trees that these runs belong to.
pub(crate) async fn list_trees(tx: &Transaction, runs: &[RunId]) -> Result<Vec<Uuid>, QueueError> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT id FROM workflow_runs WHERE finished_at IS NULL AND root_id IN (SELECT root_id FROM workflow_runs WHERE id ")
        .among(runs)
        .push(") ORDER BY id");
    let rows = tx.query_all_raw(sql.build()).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}

/// The jobs that the nodes of a run wait for. None of a run that has ended.
async fn list_needed_jobs(tx: &Transaction, run: RunId) -> Result<HashSet<JobId>, DbErr> {
    let working = [NodeState::Ready, NodeState::Running, NodeState::Retrying].map(NodeState::as_str);
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT job_id FROM workflow_node_runs WHERE job_id IS NOT NULL AND state IN (")
        .bind_list(working)
        .push(") AND run_id = ")
        .bind(run)
        .push(" AND EXISTS (SELECT 1 FROM workflow_runs WHERE id = run_id AND finished_at IS NULL) UNION SELECT job_id FROM workflow_waits WHERE job_id IS NOT NULL AND NOT closed AND run_id = ")
        .bind(run)
        .push(" AND EXISTS (SELECT 1 FROM workflow_runs WHERE id = run_id AND finished_at IS NULL)");
    tx.query_all_raw(sql.build()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::WhenFull;

    #[test]
    fn the_oldest_runs_are_cancelled_for_a_queued_one() {
        let ids: Vec<RunId> = (0..4).map(|_| RunId::new()).collect();
        let limits = |limit, count_waiting| Concurrency {
            limit: Some(limit),
            when_full: WhenFull::CancelOlder,
            count_waiting,
            ..Concurrency::default()
        };
        use RunStatus::{Queued, Running, Waiting};
        let runs = [(ids[0], Waiting), (ids[1], Running), (ids[2], Queued), (ids[3], Queued)];

        assert_eq!(older_than(ids[3], &runs, limits(2, true)), [ids[2], ids[0]]);
        assert_eq!(older_than(ids[3], &runs, limits(1, true)), [ids[2], ids[0], ids[1]]);
        assert_eq!(older_than(ids[3], &runs, limits(1, false)), [ids[2], ids[1]]);
        assert_eq!(older_than(ids[2], &runs, limits(2, true)), [ids[0]]);
        assert_eq!(older_than(ids[1], &runs, limits(1, true)), []);
        assert_eq!(older_than(ids[3], &runs, Concurrency::default()), []);
    }
}
