//! Runs that events of the platform and schedules start.

use std::collections::BTreeSet;

use atelier_entities::{RunCause, RunId, Timestamp, WorkflowId, WorkflowScheduleId};
use atelier_queue::{QueueError, Transaction};
use serde_json::{Value, json};

use super::{
    Advance,
    new_runs::{MAX_DEPTH, NewRun, find_trigger, published},
};
use crate::{
    graph::WEBHOOK,
    runs::{Stored, admissions::Admissions},
};

/// A trigger that an event pulls.
#[derive(Clone, Debug)]
pub(crate) struct Fired {
    pub(crate) workflow: WorkflowId,
    /// The key of the trigger.
    pub(crate) node: String,
    /// What the trigger gives.
    pub(crate) input: Value,
    /// The run whose job the event is about, and its depth.
    pub(crate) caused_by: Option<(RunId, i32)>,
}

/// Starts the runs of workflows whose triggers are pulled, as far as their limits allow.
///
/// # Errors
/// If the database fails.
pub(crate) async fn start_triggered(tx: &Transaction, fired: Vec<Fired>) -> Result<(), QueueError> {
    let mut admissions = Admissions::default();
    admissions.load(tx, fired.iter().map(|fired| fired.workflow).collect::<BTreeSet<_>>()).await?;
    let mut advance = Advance::new(tx);
    for fired in fired {
        advance.start_fired(&mut admissions, fired).await?;
    }
    advance.run().await
}

/// A fire time of a schedule that starts a run.
#[derive(Clone, Debug)]
pub(crate) struct Scheduled {
    pub(crate) schedule: WorkflowScheduleId,
    pub(crate) workflow: WorkflowId,
    /// The fire time, without its jitter.
    pub(crate) at: Timestamp,
    /// What the schedule gives.
    pub(crate) input: Value,
}

/// Starts the runs of schedules, as far as the limits of their workflows allow. The answers are in the same
/// order: the run, or the code of why there is none.
///
/// # Errors
/// If the database fails.
pub(crate) async fn start_scheduled(
    tx: &Transaction,
    scheduled: Vec<Scheduled>,
) -> Result<Vec<Result<RunId, &'static str>>, QueueError> {
    let mut admissions = Admissions::default();
    admissions.load(tx, scheduled.iter().map(|one| one.workflow).collect::<BTreeSet<_>>()).await?;
    let mut advance = Advance::new(tx);
    let mut answers = Vec::with_capacity(scheduled.len());
    for one in scheduled {
        answers.push(advance.add_scheduled(&mut admissions, one).await?);
    }
    advance.run().await?;
    Ok(answers)
}

/// A call of a webhook that starts a run.
#[derive(Debug)]
pub(crate) struct Hooked {
    pub(crate) run: RunId,
    pub(crate) workflow: WorkflowId,
    /// The key of the trigger.
    pub(crate) node: String,
    /// What the trigger gives.
    pub(crate) input: Stored,
}

/// Starts the run of a webhook, as far as the limits of its workflow allow. Otherwise the code of why there is
/// none.
///
/// # Errors
/// If the database fails.
pub(crate) async fn start_hooked(
    tx: &Transaction,
    hooked: Hooked,
) -> Result<Result<(), &'static str>, QueueError> {
    let mut admissions = Admissions::default();
    admissions.load(tx, [hooked.workflow]).await?;
    let mut advance = Advance::new(tx);
    let answer = advance.add_hooked(&mut admissions, hooked).await?;
    advance.run().await?;
    Ok(answer)
}

impl Advance<'_> {
    async fn add_hooked(
        &mut self,
        admissions: &mut Admissions,
        hooked: Hooked,
    ) -> Result<Result<(), &'static str>, QueueError> {
        let workflow = admissions.workflow(hooked.workflow);
        let workflow = workflow.filter(|row| row.enabled && row.deleted_at.is_none()).cloned();
        let Some(workflow) = workflow else { return Ok(Err("WORKFLOW_MISSING")) };
        let Some(version) = published(self.tx, &workflow).await? else {
            return Ok(Err("WORKFLOW_UNPUBLISHED"));
        };
        if version.graph.find_trigger_of(WEBHOOK, &hooked.node).is_none() {
            return Ok(Err("NO_TRIGGER"));
        }
        let new = NewRun {
            id: hooked.run,
            cause: RunCause::Webhook,
            input: hooked.input,
            ..NewRun::of(&workflow, &version, &hooked.node)
        };
        Ok(self.add_run(admissions, &new).map_or(Ok(()), |(code, _)| Err(code)))
    }

    async fn add_scheduled(
        &mut self,
        admissions: &mut Admissions,
        scheduled: Scheduled,
    ) -> Result<Result<RunId, &'static str>, QueueError> {
        let Scheduled { schedule, workflow, at, input } = scheduled;
        let workflow = admissions.workflow(workflow).filter(|row| row.deleted_at.is_none()).cloned();
        let Some(workflow) = workflow else { return Ok(Err("WORKFLOW_MISSING")) };
        let Some(version) = published(self.tx, &workflow).await? else {
            return Ok(Err("WORKFLOW_UNPUBLISHED"));
        };
        let graph = &version.graph;
        let (trigger, input) = match find_trigger(graph, "schedule") {
            Some(trigger) => (trigger, json!({"schedule_id": schedule, "scheduled_at": at, "input": input})),
            None => match find_trigger(graph, "manual") {
                Some(trigger) => (trigger, input),
                None => return Ok(Err("NO_TRIGGER")),
            },
        };
        let new = NewRun {
            cause: RunCause::Schedule,
            schedule_id: Some(schedule),
            input: Stored::inline(input),
            ..NewRun::of(&workflow, &version, trigger)
        };
        Ok(match self.add_run(admissions, &new) {
            Some((code, _)) => Err(code),
            None => Ok(new.id),
        })
    }

    async fn start_fired(&mut self, admissions: &mut Admissions, fired: Fired) -> Result<(), QueueError> {
        let Fired { workflow: id, node, input, caused_by } = fired;
        let workflow = admissions.workflow(id).filter(|row| row.enabled && row.deleted_at.is_none()).cloned();
        let Some(workflow) = workflow else { return Ok(()) };
        let Some(version) = published(self.tx, &workflow).await? else { return Ok(()) };
        if caused_by.is_some_and(|(_, depth)| depth >= MAX_DEPTH) {
            tracing::warn!(workflow = %id, "an event starts no run: it is the end of a chain of events");
            return Ok(());
        }
        let new = NewRun {
            cause: RunCause::Event,
            caused_by,
            input: Stored::inline(input),
            ..NewRun::of(&workflow, &version, &node)
        };
        if let Some((code, _)) = self.add_run(admissions, &new) {
            tracing::info!(workflow = %id, code, "an event starts no run");
        }
        Ok(())
    }
}
