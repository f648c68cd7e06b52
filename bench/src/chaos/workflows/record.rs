//! What people asked of workflows, and what was answered.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use atelier_entities::{RunId, WorkflowId, WorkflowScheduleId};

use super::Flow;

/// A run whose start was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::chaos) struct RunEntry {
    /// Whether its cancellation was requested.
    pub(in crate::chaos) cancel_asked: bool,
    /// Whether its cancellation was acknowledged.
    pub(in crate::chaos) cancelled: bool,
}

/// What people did, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::chaos) struct Steering {
    /// Runs that were refused, since as many were under way as may be.
    pub(in crate::chaos) refused: usize,
    /// Pauses, each with its resumption.
    pub(in crate::chaos) paused: usize,
    /// Retries of failed runs and of failed items.
    pub(in crate::chaos) retried: usize,
    /// Signals and decisions.
    pub(in crate::chaos) answered: usize,
    /// Accepted calls of webhooks that were sent again.
    pub(in crate::chaos) called_again: usize,
}

#[derive(Debug, Default)]
struct Inner {
    workflows: HashMap<WorkflowId, Flow>,
    runs: HashMap<RunId, RunEntry>,
    schedules: Vec<WorkflowScheduleId>,
    calls: Vec<(String, RunId)>,
    subscribed: HashSet<WorkflowId>,
    steering: Steering,
    gave_up: Vec<String>,
}

/// The record of what people asked of workflows.
#[derive(Debug, Default)]
pub(in crate::chaos) struct Record {
    inner: Mutex<Inner>,
}

impl Record {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records what a workflow does.
    pub(in crate::chaos) fn note_workflow(&self, id: WorkflowId, flow: Flow) {
        self.lock().workflows.insert(id, flow);
    }

    /// Records a run whose start was acknowledged.
    pub(in crate::chaos) fn note_run(&self, id: RunId) {
        self.lock().runs.entry(id).or_default();
    }

    /// Records a schedule whose creation was acknowledged.
    pub(in crate::chaos) fn note_schedule(&self, id: WorkflowScheduleId) {
        self.lock().schedules.push(id);
    }

    /// Records a call of a webhook that was accepted, with the run that the answer names.
    pub(in crate::chaos) fn note_call(&self, call: String, run: RunId) {
        self.lock().calls.push((call, run));
    }

    /// Records workflows whose runs are delivered from now on, before any of them runs.
    pub(in crate::chaos) fn note_subscribed(&self, workflows: impl Iterator<Item = WorkflowId>) {
        self.lock().subscribed.extend(workflows);
    }

    /// Records that the run's cancellation is requested.
    pub(in crate::chaos) fn note_cancel_asked(&self, id: RunId) {
        self.lock().runs.entry(id).or_default().cancel_asked = true;
    }

    /// Records that the run's cancellation was acknowledged.
    pub(super) fn note_cancelled(&self, id: RunId) {
        self.lock().runs.entry(id).or_default().cancelled = true;
    }

    /// Counts what somebody did.
    pub(in crate::chaos) fn count(&self, what: impl FnOnce(&mut Steering)) {
        what(&mut self.lock().steering);
    }

    /// Records why somebody gave up.
    pub(in crate::chaos) fn give_up(&self, why: String) {
        self.lock().gave_up.push(why);
    }

    /// What the workflow does; none where nobody created it.
    pub(in crate::chaos) fn find_flow(&self, id: WorkflowId) -> Option<Flow> {
        self.lock().workflows.get(&id).copied()
    }

    /// All runs whose start was acknowledged.
    pub(in crate::chaos) fn list_runs(&self) -> HashMap<RunId, RunEntry> {
        self.lock().runs.clone()
    }

    /// All schedules whose creation was acknowledged.
    pub(in crate::chaos) fn list_schedules(&self) -> Vec<WorkflowScheduleId> {
        self.lock().schedules.clone()
    }

    /// All accepted calls of webhooks, with the runs that the answers name.
    pub(in crate::chaos) fn list_calls(&self) -> Vec<(String, RunId)> {
        self.lock().calls.clone()
    }

    /// All workflows whose runs are delivered.
    pub(in crate::chaos) fn list_subscribed(&self) -> HashSet<WorkflowId> {
        self.lock().subscribed.clone()
    }

    /// What people did, in numbers.
    pub(in crate::chaos) fn steering(&self) -> Steering {
        self.lock().steering
    }

    /// Why people gave up.
    pub(in crate::chaos) fn gave_up(&self) -> Vec<String> {
        self.lock().gave_up.clone()
    }
}
