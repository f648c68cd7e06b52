//! Samples the runs of workflows: limits, child runs of cancelled runs, and the jobs of waits.

use std::{sync::Arc, time::Duration};

use atelier_entities::{RunId, WorkflowId};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::Record;
use crate::chaos::{running::Tally, tables::statement};

/// Between two samples.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs under way, by workflow.
const UNDER_WAY: &str = "SELECT workflow_id, COUNT(*) AS runs FROM workflow_runs WHERE finished_at IS NULL AND status <> 'queued' GROUP BY workflow_id";

/// Child runs of cancelled runs, and whether they have ended.
const CHILDREN: &str = "SELECT children.id, children.finished_at IS NOT NULL AS has_ended FROM workflow_runs AS children JOIN workflow_runs AS parents ON parents.id = children.parent_id WHERE parents.status = 'cancelled'";

/// Open waits with a time, and whether an unfinished job will wake them. A wait whose time came
/// while its run was paused goes on with the run.
const WAITS: &str = "SELECT waits.run_id, waits.scope, waits.node, EXISTS (SELECT 1 FROM jobs WHERE jobs.id = waits.job_id AND jobs.phase < 2) AS woken FROM workflow_waits AS waits JOIN workflow_runs AS runs ON runs.id = waits.run_id WHERE NOT waits.closed AND NOT waits.held AND waits.due_at IS NOT NULL AND runs.finished_at IS NULL";

/// What samples of runs showed.
#[derive(Debug, Default)]
pub(in crate::chaos) struct Watch {
    record: Arc<Record>,
    pub(in crate::chaos) limits: Tally,
    pub(in crate::chaos) children: Tally,
    pub(in crate::chaos) waits: Tally,
}

/// Samples until it is stopped. A failed sample is skipped.
pub(in crate::chaos) async fn watch(
    product: DatabaseConnection,
    record: Arc<Record>,
    stop: CancellationToken,
) -> Watch {
    let mut watch = Watch { record, ..Watch::default() };
    while !stop.is_cancelled() {
        if let Err(error) = watch.look(&product).await {
            tracing::debug!(%error, "a sample of runs failed");
        }
        tokio::select! {
            () = time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
    watch
}

impl Watch {
    /// Takes one sample. Each statement sees one moment.
    pub(in crate::chaos) async fn look(&mut self, product: &DatabaseConnection) -> Result<(), DbErr> {
        for row in product.query_all_raw(statement(product, UNDER_WAY, [])).await? {
            self.judge_limit(row.try_get("", "workflow_id")?, row.try_get("", "runs")?);
        }
        for row in product.query_all_raw(statement(product, CHILDREN, [])).await? {
            self.judge_child(row.try_get("", "id")?, row.try_get("", "has_ended")?);
        }
        for row in product.query_all_raw(statement(product, WAITS, [])).await? {
            let (run, scope): (RunId, String) = (row.try_get("", "run_id")?, row.try_get("", "scope")?);
            let place = format!("{scope}/{}", row.try_get::<String>("", "node")?);
            self.judge_wait(run, &place, row.try_get("", "woken")?);
        }
        Ok(())
    }

    fn judge_limit(&mut self, workflow: WorkflowId, runs: i64) {
        let Some(flow) = self.record.find_flow(workflow) else { return };
        let Some(limit) = flow.limit() else { return };
        self.limits.cases += 1;
        if usize::try_from(runs).is_ok_and(|runs| runs > limit) {
            self.limits.breaches.push(format!("{runs} runs of {flow:?} {workflow} are under way"));
        }
    }

    fn judge_child(&mut self, child: RunId, has_ended: bool) {
        self.children.cases += 1;
        if !has_ended {
            self.children.breaches.push(format!("run {child} goes on, and its parent is cancelled"));
        }
    }

    fn judge_wait(&mut self, run: RunId, place: &str, is_woken: bool) {
        self.waits.cases += 1;
        if !is_woken {
            self.waits.breaches.push(format!("no job wakes {place} of run {run}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::workflows::Flow;

    #[test]
    fn notices_more_runs_than_a_workflow_allows() {
        let (queued, free) = (WorkflowId::new(), WorkflowId::new());
        let mut watch = Watch::default();
        watch.record.note_workflow(queued, Flow::Queued);
        watch.record.note_workflow(free, Flow::Each);

        for (workflow, runs) in [(queued, 2), (queued, 3), (free, 9)] {
            watch.judge_limit(workflow, runs);
        }

        assert_eq!((watch.limits.cases, watch.limits.breaches.len()), (2, 1), "{watch:?}");
        assert!(watch.limits.breaches[0].contains("3 runs of Queued"), "{watch:?}");
    }

    #[test]
    fn notices_a_live_child_and_a_wait_that_nothing_wakes() {
        let (mut watch, child) = (Watch::default(), RunId::new());

        watch.judge_child(child, true);
        watch.judge_child(child, false);
        watch.judge_wait(child, "each[1]/pause", true);
        watch.judge_wait(child, "each[1]/pause", false);

        assert_eq!((watch.children.cases, watch.children.breaches.len()), (2, 1));
        assert_eq!((watch.waits.cases, watch.waits.breaches.len()), (2, 1));
    }
}
