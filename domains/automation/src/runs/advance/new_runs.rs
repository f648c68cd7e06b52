//! New runs: of sub-workflows and of error workflows.

use std::{collections::BTreeSet, sync::Arc};

use atelier_entities::{
    ProjectId, RunCause, RunId, RunStatus, Timestamp, UserId, WorkflowId, WorkflowScheduleId,
    WorkflowVersionId, workflow_runs, workflows,
};
use atelier_queue::{QueueError, Transaction, metrics::workflows as metrics, without_nul};
use chrono::TimeDelta;
use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use super::Advance;
use crate::{
    engine::{Admission, ChildEnd, Failure, NodeAt, NodeError},
    graph::Graph,
    runs::{
        ChildRequest, NodeResult, Stored, WorkOutcome,
        admissions::Admissions,
        event::{RunEvent, named},
        store::{RunRow, find_version},
    },
    workflows::{Settings, versions::LoadedVersion},
};

/// Runs of one statement: about 40 parameters each, below what SQLite allows.
const INSERTED: usize = 500;

/// Most parents of a run, and runs whose events led to it.
pub(super) const MAX_DEPTH: i32 = 10;

/// A run to be inserted.
#[derive(Debug)]
pub(crate) struct NewRun {
    pub(crate) id: RunId,
    pub(crate) workflow_id: WorkflowId,
    pub(crate) version_id: WorkflowVersionId,
    pub(crate) user_id: UserId,
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) parent: Option<Parent>,
    /// The run whose job was the event that starts this one, and its depth.
    pub(crate) caused_by: Option<(RunId, i32)>,
    pub(crate) cause: RunCause,
    pub(crate) trigger_node: String,
    pub(crate) lane: i16,
    pub(crate) handles_error: bool,
    pub(crate) input: Stored,
    pub(crate) rerun_of: Option<RunId>,
    pub(crate) schedule_id: Option<WorkflowScheduleId>,
    /// The longest time that it is at work.
    pub(crate) timeout: TimeDelta,
}

/// The attempt of a node that a run belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Parent {
    id: RunId,
    root: RunId,
    depth: i32,
    attempt: String,
}

impl NewRun {
    /// A run of that version of a workflow, with its limits.
    pub(crate) fn of(workflow: &workflows::Model, version: &LoadedVersion, trigger: &str) -> Self {
        let settings = Settings::known(workflow);
        Self {
            id: RunId::new(),
            workflow_id: workflow.id,
            version_id: version.id,
            user_id: workflow.user_id,
            project_id: workflow.project_id,
            parent: None,
            caused_by: None,
            cause: RunCause::Manual,
            trigger_node: trigger.to_owned(),
            lane: settings.lane.lane().number(),
            handles_error: false,
            input: Stored::inline(Value::Null),
            rerun_of: None,
            schedule_id: None,
            timeout: settings.timeout(),
        }
    }

    fn row(&self, now: Timestamp) -> RunRow {
        let parent = self.parent.as_ref();
        let causing = self.caused_by.map(|(_, depth)| depth);
        RunRow {
            id: self.id,
            workflow_id: self.workflow_id,
            version_id: self.version_id,
            user_id: self.user_id,
            project_id: self.project_id,
            root_id: parent.map_or(self.id, |parent| parent.root),
            parent_id: parent.map(|parent| parent.id),
            parent_attempt: parent.map(|parent| parent.attempt.clone()),
            depth: parent.map(|parent| parent.depth).or(causing).map_or(0, |depth| depth + 1),
            trigger_node: self.trigger_node.clone(),
            lane: self.lane,
            status: RunStatus::Queued,
            paused: false,
            paused_by: None,
            paused_at: None,
            generation: 0,
            working: 0,
            waiting: 0,
            failure: None,
            handles_error: self.handles_error,
            output_bytes: 0,
            deadline_at: Some(now + self.timeout),
            active_left: None,
            revision: 1,
            created_at: now,
            started_at: None,
            finished_at: None,
            schedule_id: self.schedule_id,
            withdrawn: false,
        }
    }

    fn model(&self, now: Timestamp) -> workflow_runs::ActiveModel {
        let row = self.row(now);
        workflow_runs::ActiveModel {
            id: Set(row.id),
            workflow_id: Set(row.workflow_id),
            version_id: Set(row.version_id),
            user_id: Set(row.user_id),
            project_id: Set(row.project_id),
            root_id: Set(row.root_id),
            parent_id: Set(row.parent_id),
            parent_attempt: Set(row.parent_attempt),
            depth: Set(row.depth),
            cause: Set(self.cause),
            trigger_node: Set(row.trigger_node),
            lane: Set(row.lane),
            status: Set(row.status),
            paused: Set(false),
            paused_by: Set(None),
            paused_at: Set(None),
            generation: Set(0),
            working: Set(0),
            waiting: Set(0),
            failure: Set(None),
            handles_error: Set(row.handles_error),
            input: Set(self.input.value.as_ref().map(without_nul)),
            input_object: Set(self.input.object.clone()),
            output_bytes: Set(0),
            caused_by: Set(self.caused_by.map(|(run, _)| run)),
            schedule_id: Set(self.schedule_id),
            rerun_of: Set(self.rerun_of),
            deadline_at: Set(row.deadline_at),
            active_left: Set(None),
            revision: Set(row.revision),
            created_at: Set(now),
            started_at: Set(None),
            updated_at: Set(now),
            finished_at: Set(None),
        }
    }
}

/// Inserts a queued run.
pub(crate) async fn insert_run(tx: &Transaction, new: &NewRun) -> Result<(), DbErr> {
    workflow_runs::Entity::insert(new.model(tx.now())).exec_without_returning(&**tx).await?;
    metrics::run_started(new.cause.as_str());
    Ok(())
}

impl Advance<'_> {
    /// Turns attempts that ask for a child run that cannot be into failures.
    pub(super) async fn check_children(
        &self,
        mut events: Vec<(Option<usize>, RunId, RunEvent)>,
    ) -> Result<Vec<(Option<usize>, RunId, RunEvent)>, QueueError> {
        let asked: BTreeSet<WorkflowId> = events.iter().filter_map(|(_, _, event)| child_of(event)).collect();
        if asked.is_empty() {
            return Ok(events);
        }
        let rows =
            workflows::Entity::find().filter(workflows::Column::Id.is_in(asked)).all(&**self.tx).await?;
        for (_, run, event) in &mut events {
            let Some(asked) = child_of(event) else { continue };
            let Some(row) = self.runs.runs.get(run).map(|run| &run.row) else { continue };
            let workflow = rows.iter().find(|workflow| workflow.id == asked);
            if let Err(error) = self.check_child(row, workflow).await?
                && let RunEvent::Ended(_, result) = event
            {
                *result = Err(error);
            }
        }
        Ok(events)
    }

    async fn check_child(
        &self,
        parent: &RunRow,
        workflow: Option<&workflows::Model>,
    ) -> Result<Result<(), NodeError>, DbErr> {
        let refuse = |code: &str, message: &str| Ok(Err(NodeError::permanent(code, message)));
        if parent.depth >= MAX_DEPTH {
            let message = format!("A run has at most {MAX_DEPTH} parents.");
            return refuse("SUBWORKFLOW_TOO_DEEP", &message);
        }
        let own = workflow.filter(|row| row.user_id == parent.user_id && row.deleted_at.is_none());
        let Some(workflow) = own else {
            return refuse("SUBWORKFLOW_MISSING", "There is no such workflow.");
        };
        if !workflow.enabled {
            return refuse("SUBWORKFLOW_DISABLED", "The workflow is disabled.");
        }
        let version = published(self.tx, workflow).await?;
        let Some(version) = version else {
            return refuse("SUBWORKFLOW_UNPUBLISHED", "The workflow has no published version.");
        };
        if child_trigger(&version.graph).is_none() {
            return refuse(
                "SUBWORKFLOW_NO_TRIGGER",
                "The workflow has no trigger that another workflow pulls.",
            );
        }
        Ok(Ok(()))
    }

    /// Starts the child runs that nodes ask for.
    pub(super) async fn start_children(
        &mut self,
        admissions: &mut Admissions,
        children: Vec<(RunId, NodeAt, ChildRequest)>,
    ) -> Result<(), QueueError> {
        let now = self.now();
        for (id, at, request) in children {
            let Some(run) = self.runs.runs.get(&id) else { continue };
            let Some(parent_version) = run.version.clone() else { continue };
            let args = named(id, &parent_version.plan, &at);
            let parent =
                Parent { id, root: run.row.root_id, depth: run.row.depth, attempt: args.attempt_key() };
            let workflow = admissions.workflow(request.workflow_id).cloned();
            let version = match &workflow {
                Some(workflow) => published(self.tx, workflow).await?,
                None => None,
            };
            let found = workflow.zip(version).and_then(|(workflow, version)| {
                let trigger = child_trigger(&version.graph)?.to_owned();
                Some((workflow, version, trigger))
            });
            let Some((workflow, version, trigger)) = found else {
                self.fail_child(id, args, "SUBWORKFLOW_MISSING", "The workflow has just been removed.");
                continue;
            };
            let own = NewRun::of(&workflow, &version, &trigger);
            let left = run.row.time_left(now).map_or(own.timeout, |left| left.min(own.timeout));
            let new = NewRun {
                cause: RunCause::Parent,
                timeout: left.max(TimeDelta::seconds(1)),
                parent: Some(parent),
                lane: run.row.lane,
                project_id: workflow.project_id,
                handles_error: run.row.handles_error,
                input: request.input,
                ..own
            };
            if let Some((code, message)) = self.add_run(admissions, &new) {
                self.fail_child(id, args, code, message);
            }
        }
        Ok(())
    }

    fn fail_child(&mut self, parent: RunId, at: crate::runs::RunNode, code: &str, message: &str) {
        let failure = Failure::of_run(code, message);
        self.events.push((None, parent, RunEvent::ChildEnded(at, ChildEnd::Failed(failure), None)));
    }

    /// Starts the error workflow of a failed run, if it has one that is enabled.
    pub(super) async fn start_error_workflow(
        &mut self,
        admissions: &mut Admissions,
        id: RunId,
        failure: &Failure,
    ) -> Result<(), QueueError> {
        let Some(run) = self.runs.runs.get(&id) else { return Ok(()) };
        let Some(failed) = admissions.workflow(run.row.workflow_id).cloned() else { return Ok(()) };
        let handler = failed.error_workflow_id.and_then(|handler| admissions.workflow(handler)).cloned();
        let is_usable =
            |row: &workflows::Model| row.user_id == failed.user_id && row.enabled && row.deleted_at.is_none();
        let Some(handler) = handler.filter(is_usable) else { return Ok(()) };
        let Some(version) = published(self.tx, &handler).await? else { return Ok(()) };
        let Some(trigger) = find_trigger(&version.graph, "workflow_error") else { return Ok(()) };
        let input = json!({
            "run": {"id": id},
            "workflow": {"id": failed.id, "name": failed.name},
            "node": failure.node,
            "error": {"code": failure.code, "message": failure.message},
            "attempt": failure.attempt,
        });
        let new = NewRun {
            cause: RunCause::Error,
            handles_error: true,
            input: Stored::inline(input),
            ..NewRun::of(&handler, &version, trigger)
        };
        if let Some((code, _)) = self.add_run(admissions, &new) {
            tracing::warn!(run = %id, workflow = %handler.id, code, "the error workflow does not run");
        }
        Ok(())
    }

    /// Adds a run, and starts it if it may start. Otherwise the code and message of why it is not made.
    pub(super) fn add_run(
        &mut self,
        admissions: &mut Admissions,
        new: &NewRun,
    ) -> Option<(&'static str, &'static str)> {
        let admission = admissions.admit(new.workflow_id);
        match admission {
            Admission::SkipLimit => {
                return Some(("WORKFLOW_BUSY", "The workflow has as many runs as it may."));
            }
            Admission::SkipQueueFull => {
                return Some(("QUEUE_FULL", "As many runs of the workflow are queued as may be."));
            }
            Admission::Start | Admission::Queue | Admission::CancelOlder { .. } => {}
        }
        let now = self.now();
        self.inserts.push(new.model(now));
        metrics::run_started(new.cause.as_str());
        if admission == Admission::Start {
            self.runs.add_new(new.row(now));
            self.events.push((None, new.id, RunEvent::Start));
        } else if admission != Admission::Queue {
            self.jobs.extend(admissions.cancel_older(new.workflow_id, new.id));
        }
        None
    }

    /// Inserts the runs that were added.
    pub(super) async fn insert_runs(&mut self) -> Result<(), DbErr> {
        let inserts = std::mem::take(&mut self.inserts);
        for some in inserts.chunks(INSERTED) {
            workflow_runs::Entity::insert_many(some.to_vec()).exec_without_returning(&**self.tx).await?;
        }
        Ok(())
    }
}

/// The workflow that an attempt asks to run.
fn child_of(event: &RunEvent) -> Option<WorkflowId> {
    match event {
        RunEvent::Ended(_, Ok(NodeResult { outcome: WorkOutcome::Child(request), .. })) => {
            Some(request.workflow_id)
        }
        _ => None,
    }
}

/// The published version of a workflow.
pub(crate) async fn published(
    tx: &Transaction,
    workflow: &workflows::Model,
) -> Result<Option<Arc<LoadedVersion>>, DbErr> {
    match workflow.published_id {
        Some(id) => find_version(&**tx, id).await,
        None => Ok(None),
    }
}

/// The trigger of a workflow that another one runs.
fn child_trigger(graph: &Graph) -> Option<&str> {
    find_trigger(graph, "called").or_else(|| find_trigger(graph, "manual"))
}

/// The first enabled trigger of a type.
pub(crate) fn find_trigger<'a>(graph: &'a Graph, kind: &str) -> Option<&'a str> {
    graph.nodes.iter().find(|node| node.kind == kind && !node.disabled).map(|node| node.key.as_str())
}
