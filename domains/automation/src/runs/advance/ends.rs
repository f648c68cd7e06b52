//! What follows from the ends of runs, and from cancelled nodes.

use std::collections::BTreeSet;

use atelier_entities::{RunId, RunStatus, ScheduleOverlap, UserId, WorkflowId, WorkflowScheduleId};
use atelier_queue::{NewJob, QueueError, Sql, Transaction};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::Advance;
use crate::{
    engine::{ChildEnd, Failure, NodeAt},
    graph::node_type::ParentCancel,
    runs::{
        RunNode, SettleSchedule,
        admissions::Admissions,
        data::list_results,
        event::{RunEvent, named},
    },
    webhooks::{NewEvent, announce},
};

/// Attempts of one statement: two parameters each.
const ATTEMPTS: usize = 5_000;

impl Advance<'_> {
    /// Carries out what concerns other runs.
    pub(super) async fn carry_out(&mut self) -> Result<(), QueueError> {
        self.cancel_children().await?;
        let (ended, failed) = (std::mem::take(&mut self.ended), std::mem::take(&mut self.failed));
        let children = std::mem::take(&mut self.children);
        if ended.is_empty() && children.is_empty() && failed.is_empty() {
            return Ok(());
        }
        self.tell_parents(&ended).await?;
        let mut admissions = Admissions::default();
        // Parents may end next: all workflows are locked at once, in the order of their ids.
        let above =
            ended.iter().chain(failed.iter().map(|(id, _)| id)).flat_map(|id| self.workflows_above(*id));
        let asked = children.values().map(|request| request.workflow_id);
        admissions.read(self.tx, above.chain(asked).collect::<BTreeSet<_>>()).await?;
        let handler_of =
            |(id, _): &(RunId, Failure)| admissions.workflow(self.workflow_of(*id)?)?.error_workflow_id;
        let handlers: Vec<WorkflowId> = failed.iter().filter_map(handler_of).collect();
        admissions.read(self.tx, handlers).await?;
        admissions.lock(self.tx).await?;
        let left: BTreeSet<WorkflowId> = ended.iter().filter_map(|id| self.workflow_of(*id)).collect();
        for workflow in left {
            self.jobs.extend(admissions.start_queued(self.tx, workflow).await?);
        }
        let schedules: BTreeSet<_> =
            ended.iter().filter_map(|id| self.runs.runs.get(id)?.row.schedule_id).collect();
        self.jobs.extend(settle_jobs(self.tx, schedules).await?);
        let events: Vec<NewEvent> = ended.iter().filter_map(|id| self.event_of(*id)).collect();
        self.jobs.extend(announce(self.tx, &events).await?);
        let children = children.into_iter().map(|((run, at), request)| (run, at, request)).collect();
        self.start_children(&mut admissions, children).await?;
        for (run, failure) in failed {
            self.start_error_workflow(&mut admissions, run, &failure).await?;
        }
        Ok(())
    }

    /// The end of a run as an event.
    fn event_of(&self, run: RunId) -> Option<NewEvent> {
        let run = self.runs.runs.get(&run)?;
        let (row, status) = (&run.row, run.state.run.status);
        let ids = json!({"run_id": row.id, "workflow_id": row.workflow_id, "status": status});
        let data = json!({
            "run_id": row.id,
            "workflow_id": row.workflow_id,
            "project_id": row.project_id,
            "parent_id": row.parent_id,
            "status": status,
            "generation": row.generation,
            "started_at": row.started_at,
            "finished_at": row.finished_at,
            "error": run.state.run.failure,
        });
        Some(NewEvent { owner: row.user_id, names: vec![format!("run.{status}")], data, brief: ids })
    }

    fn workflow_of(&self, run: RunId) -> Option<WorkflowId> {
        self.runs.runs.get(&run).map(|run| run.row.workflow_id)
    }

    /// The workflows of a run and of its parents, which are locked with it.
    fn workflows_above(&self, run: RunId) -> impl Iterator<Item = WorkflowId> {
        let row_of = |id: RunId| self.runs.runs.get(&id).map(|run| &run.row);
        let line = std::iter::successors(row_of(run), move |row| row_of(row.parent_id?));
        line.map(|row| row.workflow_id)
    }

    /// Takes over that a node no longer waits for its child run.
    pub(super) fn abandon_child(&mut self, run: RunId, at: NodeAt, policy: ParentCancel) {
        let is_new = self.children.remove(&(run, at.clone())).is_some();
        if !is_new && policy == ParentCancel::Cancel {
            self.abandoned.push((run, at));
        }
    }

    /// Cancels the child runs of attempts that were cancelled.
    async fn cancel_children(&mut self) -> Result<(), QueueError> {
        let abandoned = std::mem::take(&mut self.abandoned);
        for some in abandoned.chunks(ATTEMPTS) {
            let mut sql = Sql::new(self.tx.get_database_backend());
            sql.push("SELECT id FROM workflow_runs WHERE finished_at IS NULL AND (parent_id, parent_attempt) IN (VALUES ");
            let mut count = 0;
            for (run, at) in some {
                let version = self.runs.runs.get(run).and_then(|run| run.version.clone());
                let Some(version) = version else { continue };
                sql.push(if count == 0 { "(" } else { ", (" }).bind(*run).push(", ");
                sql.bind(named(*run, &version.plan, at).attempt_key()).push(")");
                count += 1;
            }
            if count == 0 {
                continue;
            }
            sql.push(") ORDER BY id");
            for row in self.tx.query_all_raw(sql.build()).await? {
                self.events.push((None, row.try_get_by_index(0)?, RunEvent::Cancel));
            }
        }
        Ok(())
    }

    /// Tells the parents of ended runs.
    async fn tell_parents(&mut self, ended: &[RunId]) -> Result<(), QueueError> {
        let of_parents: Vec<_> = ended
            .iter()
            .filter_map(|id| {
                let run = self.runs.runs.get(id)?;
                let parent = run.row.parent_id?;
                let at = RunNode::parse(parent, run.row.parent_attempt.as_deref()?)?;
                Some((*id, parent, at, child_end(run.state.run.status, run.state.run.failure.as_ref())))
            })
            .collect();
        let succeeded: Vec<_> = of_parents
            .iter()
            .filter(|(_, _, _, end)| *end == ChildEnd::Succeeded)
            .filter_map(|(id, ..)| Some((*id, self.runs.runs.get(id)?.version.clone()?)))
            .collect();
        let mut found = list_results(&**self.tx, &succeeded).await?;
        for (id, parent, at, end) in of_parents {
            self.events.push((None, parent, RunEvent::ChildEnded(at, end, found.remove(&id))));
        }
        Ok(())
    }
}

/// The jobs that settle the schedules of ended runs: those whose fire times may wait, and those that failures
/// pause.
async fn settle_jobs(
    tx: &Transaction,
    schedules: BTreeSet<WorkflowScheduleId>,
) -> Result<Vec<NewJob>, QueueError> {
    if schedules.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT id, user_id FROM workflow_schedules WHERE (pause_after IS NOT NULL OR overlap NOT IN (")
        .bind_list([ScheduleOverlap::Skip, ScheduleOverlap::AllowAll].map(ScheduleOverlap::as_str))
        .push(") OR EXISTS (SELECT 1 FROM workflow_schedule_ticks AS ticks WHERE ticks.schedule_id = workflow_schedules.id AND ticks.outcome = 'buffered')) AND id ")
        .among(&schedules.into_iter().collect::<Vec<_>>())
        .push(" ORDER BY id");
    let mut jobs = Vec::new();
    for row in tx.query_all_raw(sql.build()).await? {
        let owner: UserId = row.try_get_by_index(1)?;
        jobs.push(NewJob::of(&SettleSchedule { schedule_id: row.try_get_by_index(0)? }).owned_by(owner));
    }
    Ok(jobs)
}

fn child_end(status: RunStatus, failure: Option<&Failure>) -> ChildEnd {
    match status {
        RunStatus::Succeeded => ChildEnd::Succeeded,
        RunStatus::Cancelled => ChildEnd::Cancelled,
        _ => ChildEnd::Failed(
            failure.cloned().unwrap_or_else(|| Failure::of_run("FAILED", "The child run failed.")),
        ),
    }
}
