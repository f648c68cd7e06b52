//! Whether runs of workflows may start: counted from rows, under the locks of the workflows that have a limit.

use std::collections::{BTreeMap, BTreeSet};

use atelier_entities::{RunId, RunStatus, UserId, WorkflowId, workflow_runs, workflows};
use atelier_queue::{Lane, NewJob, Sql, Transaction};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{CancelOlder, StartRun};
use crate::{
    engine::{Admission, Concurrency, Occupancy},
    workflows::Settings,
};

/// Most queued runs of a workflow that start at once. The reconciler starts more.
const MOST_STARTED: u32 = 100;

/// Workflows, with the numbers of their runs where they have a limit.
#[derive(Debug, Default)]
pub(crate) struct Admissions {
    workflows: BTreeMap<WorkflowId, workflows::Model>,
    counts: BTreeMap<WorkflowId, Occupancy>,
}

impl Admissions {
    /// Reads workflows, and locks and counts those that have a limit. What was read before stays.
    pub(crate) async fn load(
        &mut self,
        tx: &Transaction,
        ids: impl IntoIterator<Item = WorkflowId>,
    ) -> Result<(), DbErr> {
        self.read(tx, ids).await?;
        self.lock(tx).await
    }

    /// Reads workflows. What was read before stays.
    pub(crate) async fn read(
        &mut self,
        tx: &Transaction,
        ids: impl IntoIterator<Item = WorkflowId>,
    ) -> Result<(), DbErr> {
        let missing: BTreeSet<WorkflowId> =
            ids.into_iter().filter(|id| !self.workflows.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let found = workflows::Entity::find().filter(workflows::Column::Id.is_in(missing));
        self.workflows.extend(found.all(&**tx).await?.into_iter().map(|row| (row.id, row)));
        Ok(())
    }

    /// Locks and counts those that have a limit, in the order of their ids: a transaction that needs several
    /// reads all of them before.
    pub(crate) async fn lock(&mut self, tx: &Transaction) -> Result<(), DbErr> {
        let is_open = |row: &&workflows::Model| {
            !self.counts.contains_key(&row.id) && Settings::known(row).concurrency.limit.is_some()
        };
        let limited: Vec<WorkflowId> = self.workflows.values().filter(is_open).map(|row| row.id).collect();
        if limited.is_empty() {
            return Ok(());
        }
        let locked = workflows::Entity::find()
            .filter(workflows::Column::Id.is_in(limited.iter().copied()))
            .order_by_asc(workflows::Column::Id)
            .lock_exclusive();
        for row in locked.all(&**tx).await? {
            self.counts.insert(row.id, Occupancy::default());
            self.workflows.insert(row.id, row);
        }
        self.count(tx, &limited).await
    }

    async fn count(&mut self, tx: &Transaction, ids: &[WorkflowId]) -> Result<(), DbErr> {
        let mut sql = Sql::new(tx.get_database_backend());
        sql.push("SELECT workflow_id, status, COUNT(*) FROM workflow_runs WHERE finished_at IS NULL AND workflow_id ")
            .among(ids)
            .push(" GROUP BY workflow_id, status");
        for row in tx.query_all_raw(sql.build()).await? {
            let workflow: WorkflowId = row.try_get_by_index(0)?;
            let status: RunStatus = row.try_get_by_index(1)?;
            let runs: i64 = row.try_get_by_index(2)?;
            let runs = u32::try_from(runs).unwrap_or(u32::MAX);
            let counts = self.counts.entry(workflow).or_default();
            match status {
                RunStatus::Queued => counts.queued += runs,
                RunStatus::Waiting => counts.waiting += runs,
                _ => counts.running += runs,
            }
        }
        Ok(())
    }

    /// The workflow, if there is one.
    pub(crate) fn workflow(&self, id: WorkflowId) -> Option<&workflows::Model> {
        self.workflows.get(&id)
    }

    /// The limits of a workflow.
    pub(crate) fn concurrency(&self, id: WorkflowId) -> Concurrency {
        self.workflows.get(&id).map(|row| Settings::known(row).concurrency).unwrap_or_default()
    }

    /// What becomes of a new run of the workflow. It is counted as what it becomes.
    pub(crate) fn admit(&mut self, id: WorkflowId) -> Admission {
        let Some(counts) = self.counts.get_mut(&id) else { return Admission::Start };
        let limits = self.workflows.get(&id).map(|row| Settings::known(row).concurrency).unwrap_or_default();
        let admission = limits.admit(*counts);
        match admission {
            Admission::Start => counts.running += 1,
            Admission::Queue | Admission::CancelOlder { .. } => counts.queued += 1,
            Admission::SkipLimit | Admission::SkipQueueFull => {}
        }
        admission
    }

    /// The jobs that start the queued runs of a workflow that may start now, the oldest first.
    pub(crate) async fn start_queued(&self, tx: &Transaction, id: WorkflowId) -> Result<Vec<NewJob>, DbErr> {
        let Some(counts) = self.counts.get(&id) else { return Ok(Vec::new()) };
        start_jobs(tx, id, self.concurrency(id).startable(*counts)).await
    }

    /// The job that cancels older runs of a workflow for a queued one.
    pub(crate) fn cancel_older(&self, id: WorkflowId, run: RunId) -> Option<NewJob> {
        let owner = self.workflows.get(&id)?.user_id;
        Some(NewJob::of(&CancelOlder { workflow_id: id, run_id: run }).owned_by(owner))
    }
}

/// The jobs that start the oldest queued runs of a workflow.
pub(crate) async fn start_jobs(
    tx: &Transaction,
    workflow: WorkflowId,
    count: u32,
) -> Result<Vec<NewJob>, DbErr> {
    use workflow_runs::Column as C;
    if count == 0 {
        return Ok(Vec::new());
    }
    let queued = workflow_runs::Entity::find()
        .select_only()
        .columns([C::Id, C::UserId, C::Lane])
        .filter(C::WorkflowId.eq(workflow))
        .filter(C::Status.eq(RunStatus::Queued))
        .filter(C::FinishedAt.is_null())
        .order_by_asc(C::Id)
        .limit(u64::from(count.min(MOST_STARTED)));
    let queued: Vec<(RunId, UserId, i16)> = queued.into_tuple().all(&**tx).await?;
    Ok(queued.into_iter().map(|(run, owner, lane)| start_job(run, owner, lane)).collect())
}

/// The job that starts a run.
pub(crate) fn start_job(run: RunId, owner: UserId, lane: i16) -> NewJob {
    NewJob::of(&StartRun { run_id: run }).owned_by(owner).about(run).in_lane(Lane::from_number(lane))
}
