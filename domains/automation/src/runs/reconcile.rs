//! What no job moves: runs past their deadline, waits and nodes without a job, jobs without a run, queued runs
//! that may start, deliveries of webhooks without a job.

use atelier_entities::{JobState, NodeState, RunId, WorkflowId};
use atelier_queue::{JobContext, JobError, Outcome, QueueError, QueueName, Sql, Transaction};
use chrono::TimeDelta;
use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use serde_json::json;

use super::{
    NodeResult, ReconcileRuns, RunNode, Runs, WorkOutcome,
    admissions::{Admissions, start_jobs},
    advance::advance,
    awaited::end_stale_waits,
    event::RunEvent,
    steer::cancel_jobs_of_ended,
    store::list_overdue,
};

use crate::webhooks::restart_lost;

/// Rows of one transaction.
const BATCH: u64 = 50;
/// Most batches of one kind in a job. The next job does the rest.
const BATCHES: u32 = 200;
/// Queued runs of a workflow without a limit that are started at once.
const STARTED_AT_ONCE: u32 = 100;

/// How long ago a run has ended whose jobs are still looked for. A later job of it finds that there is nothing
/// to do, and ends.
const ENDED_LATELY: TimeDelta = TimeDelta::hours(1);

/// An attempt that a row names.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
struct Attempt {
    run_id: RunId,
    scope: String,
    node: String,
    generation: i32,
    round: i32,
    attempt: i32,
}

impl Attempt {
    fn to_args(&self) -> RunNode {
        let numbers = [self.generation, self.round, self.attempt];
        RunNode::of_row(self.run_id, &self.scope, &self.node, numbers)
    }
}

impl Runs {
    /// Ends runs that took too long, and repairs what no job moves. Returns how many rows each repair found.
    pub(crate) async fn reconcile(
        &self,
        _ctx: &JobContext,
        _args: ReconcileRuns,
    ) -> Result<Outcome, JobError> {
        let timed_out = self.time_out().await?;
        let deleted = self.cancel_of_deleted().await?;
        let waits = self.wake_waits().await?;
        let awaited = self.end_stale_waits().await?;
        let nodes = self.restart_nodes().await?;
        let jobs = self.stop_jobs_of_ended().await?;
        let queued = self.start_queued().await?;
        let deliveries = restart_lost(&self.queue).await?;
        Ok(Outcome::Done(json!({
            "timed_out": timed_out,
            "of_deleted_workflows": deleted,
            "waits": waits,
            "ended_jobs": awaited,
            "nodes": nodes,
            "jobs": jobs,
            "queued_workflows": queued,
            "deliveries": deliveries,
        })))
    }

    async fn time_out(&self) -> Result<usize, QueueError> {
        self.end_in_batches(|tx| {
            Box::pin(async move {
                let late = list_overdue(&**tx, tx.now(), BATCH).await?;
                end_runs(tx, late, &RunEvent::TimedOut).await
            })
        })
        .await
    }

    /// Cancels the runs of workflows that their owners deleted.
    async fn cancel_of_deleted(&self) -> Result<usize, QueueError> {
        self.end_in_batches(|tx| {
            Box::pin(async move {
                let mut sql = Sql::new(tx.get_database_backend());
                sql.push("SELECT runs.id FROM workflow_runs AS runs JOIN workflows ON workflows.id = runs.workflow_id WHERE runs.finished_at IS NULL AND workflows.deleted_at IS NOT NULL ORDER BY runs.id LIMIT ")
                    .push(&BATCH.to_string());
                end_runs(tx, ids(tx, sql).await?, &RunEvent::Cancel).await
            })
        })
        .await
    }

    /// Wakes the waits whose time has come, and gives the others a job again.
    async fn wake_waits(&self) -> Result<usize, QueueError> {
        self.repair(
            "SELECT waits.run_id, waits.scope, waits.node, waits.generation, waits.round, waits.attempt FROM workflow_waits AS waits JOIN workflow_runs AS runs ON runs.id = waits.run_id WHERE NOT waits.closed AND NOT waits.held AND waits.due_at IS NOT NULL AND runs.finished_at IS NULL AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = waits.job_id AND jobs.phase < 2)",
            RunEvent::Wake,
        )
        .await
    }

    /// Ends the waits for jobs that have ended already, or are gone.
    async fn end_stale_waits(&self) -> Result<usize, QueueError> {
        self.end_in_batches(|tx| Box::pin(end_stale_waits(tx, BATCH))).await
    }

    /// Ends something in batches, each with its transaction, until a batch ends nothing. Returns how many there were.
    async fn end_in_batches(
        &self,
        end: impl Fn(&Transaction) -> BoxFuture<'_, Result<usize, QueueError>> + Send + Sync,
    ) -> Result<usize, QueueError> {
        let mut total = 0;
        for _ in 0..BATCHES {
            let tx = self.queue.begin().await?;
            let ended = end(&tx).await?;
            tx.commit().await?;
            total += ended;
            if ended == 0 {
                break;
            }
        }
        Ok(total)
    }

    /// Gives nodes that are ready a job again.
    async fn restart_nodes(&self) -> Result<usize, QueueError> {
        let held = |at| RunEvent::Ended(at, Ok(NodeResult { outcome: WorkOutcome::Held, output: None }));
        let [ready, retrying] = [NodeState::Ready, NodeState::Retrying].map(NodeState::as_str);
        let select = format!(
            "SELECT nodes.run_id, nodes.scope, nodes.node, nodes.generation, nodes.round, nodes.attempt FROM workflow_runs AS runs JOIN workflow_node_runs AS nodes ON nodes.run_id = runs.id WHERE runs.finished_at IS NULL AND NOT runs.paused AND runs.working > 0 AND nodes.state IN ('{ready}', '{retrying}') AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = nodes.job_id AND jobs.phase < 2)"
        );
        self.repair(&select, held).await
    }

    /// Moves the runs of the attempts that a statement selects, in batches, until a batch changes nothing.
    async fn repair(&self, select: &str, event: impl Fn(RunNode) -> RunEvent) -> Result<usize, QueueError> {
        let mut total = 0;
        let mut before = Vec::new();
        for _ in 0..BATCHES {
            let tx = self.queue.begin().await?;
            let mut sql = Sql::new(tx.get_database_backend());
            sql.push(select).push(" LIMIT ").push(&BATCH.to_string());
            let found = Attempt::find_by_statement(sql.build()).all(&*tx).await?;
            if found.is_empty() || found == before {
                break;
            }
            total += found.len();
            advance(&tx, found.iter().map(|at| (at.run_id, event(at.to_args()))).collect()).await?;
            before = found;
            tx.commit().await?;
        }
        Ok(total)
    }

    /// Cancels the unfinished jobs of runs that have ended.
    async fn stop_jobs_of_ended(&self) -> Result<usize, QueueError> {
        let mut total = 0;
        for _ in 0..BATCHES {
            let tx = self.queue.begin().await?;
            let mut sql = Sql::new(tx.get_database_backend());
            sql.push("SELECT runs.id FROM workflow_runs AS runs WHERE runs.finished_at > ")
                .bind(self.queue.now() - ENDED_LATELY)
                .push(" AND EXISTS (SELECT 1 FROM jobs WHERE jobs.subject_id = runs.id AND jobs.phase < 2 AND jobs.cancel_requested_at IS NULL AND jobs.queue = ")
                .bind(QueueName::Workflow.as_str())
                .push(") ORDER BY runs.id LIMIT ")
                .push(&BATCH.to_string());
            let ended: Vec<RunId> = ids(&tx, sql).await?;
            let subjects: Vec<_> = ended.into_iter().map(|run| run.0).collect();
            let jobs = tx.lock_about(&subjects).await?;
            let left: Vec<_> = jobs
                .into_iter()
                .filter(|job| job.state != JobState::Running || job.cancel_requested_at.is_none())
                .collect();
            // Some of the runs may be retried by now: their new jobs are needed.
            let cancelled = cancel_jobs_of_ended(&tx, &left).await?;
            if cancelled == 0 {
                break;
            }
            total += cancelled;
            tx.commit().await?;
        }
        Ok(total)
    }

    /// Starts queued runs that may start. Returns how many workflows have any.
    async fn start_queued(&self) -> Result<usize, QueueError> {
        let mut total = 0;
        let mut after = WorkflowId(uuid::Uuid::nil());
        for _ in 0..BATCHES {
            let tx = self.queue.begin().await?;
            let mut sql = Sql::new(tx.get_database_backend());
            sql.push("SELECT DISTINCT workflow_id FROM workflow_runs WHERE finished_at IS NULL AND status = 'queued' AND workflow_id > ")
                .bind(after)
                .push(" ORDER BY workflow_id LIMIT ")
                .push(&BATCH.to_string());
            let workflows: Vec<WorkflowId> = ids(&tx, sql).await?;
            let Some(last) = workflows.last() else { break };
            after = *last;
            total += workflows.len();
            let mut admissions = Admissions::default();
            admissions.load(&tx, workflows.iter().copied()).await?;
            let mut jobs = Vec::new();
            for workflow in workflows {
                if admissions.concurrency(workflow).limit.is_some() {
                    jobs.extend(admissions.start_queued(&tx, workflow).await?);
                } else {
                    jobs.extend(start_jobs(&tx, workflow, STARTED_AT_ONCE).await?);
                }
            }
            if !jobs.is_empty() {
                tx.enqueue_all(jobs).await?;
            }
            tx.commit().await?;
        }
        Ok(total)
    }
}

/// Ends runs by an event. Returns how many it ended.
async fn end_runs(tx: &Transaction, runs: Vec<RunId>, event: &RunEvent) -> Result<usize, QueueError> {
    let answers = advance(tx, runs.into_iter().map(|run| (run, event.clone())).collect()).await?;
    Ok(answers.iter().filter(|answer| answer.is_ok()).count())
}

async fn ids<T: sea_orm::TryGetable>(tx: &Transaction, sql: Sql) -> Result<Vec<T>, DbErr> {
    tx.query_all_raw(sql.build()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}
