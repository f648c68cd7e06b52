//! Runs of workflows that their owners deleted.

use atelier_entities::{RunId, workflow_runs};
use atelier_queue::{JobContext, JobError, Outcome, QueueError};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

use super::{Runs, advance::advance, cancel_older::list_trees, event::RunEvent, steer::cancel_jobs_of_ended};
use crate::workflows::CancelRuns;

/// Runs of one transaction.
const BATCH: u64 = 50;

impl Runs {
    /// Cancels the runs of a deleted workflow. Those that were being started when it was deleted are left to
    /// the reconciler.
    pub(crate) async fn cancel_of_workflow(
        &self,
        ctx: &JobContext,
        args: CancelRuns,
    ) -> Result<Outcome, JobError> {
        let mut total = 0;
        loop {
            if ctx.stop().is_cancelled() {
                return Err(JobError::retry("STOPPED", "the job was stopped"));
            }
            let cancelled = self.cancel_some(&args).await?;
            total += cancelled;
            if cancelled == 0 {
                return Ok(Outcome::Done(json!({"cancelled": total})));
            }
        }
    }

    async fn cancel_some(&self, args: &CancelRuns) -> Result<usize, QueueError> {
        use workflow_runs::Column as C;
        let tx = self.queue.begin().await?;
        let some = workflow_runs::Entity::find()
            .select_only()
            .column(C::Id)
            .filter(C::WorkflowId.eq(args.workflow_id))
            .filter(C::FinishedAt.is_null())
            .order_by_asc(C::Id)
            .limit(BATCH);
        let some: Vec<RunId> = some.into_tuple().all(&*tx).await?;
        if some.is_empty() {
            return Ok(0);
        }
        let locked = tx.lock_about(&list_trees(&tx, &some).await?).await?;
        let answers = advance(&tx, some.into_iter().map(|run| (run, RunEvent::Cancel)).collect()).await?;
        cancel_jobs_of_ended(&tx, &locked).await?;
        tx.commit().await?;
        Ok(answers.iter().filter(|answer| answer.is_ok()).count())
    }
}
