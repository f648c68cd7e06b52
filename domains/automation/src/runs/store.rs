//! The rows of runs: those that a transaction has locked, as states of the engine, and their changes as
//! statements for all runs at once.

mod load;
mod lock;
mod queries;
mod rows;
mod save;

use std::{collections::BTreeMap, sync::Arc};

use atelier_entities::{JobId, RunId, RunStatus, Timestamp};
use chrono::TimeDelta;

pub(crate) use crate::engine::Place;
pub(crate) use load::Wanted;
pub(crate) use lock::{find_version, list_overdue};
pub(crate) use rows::{RunRow, edge_name, find_edge};

use super::{
    Stored,
    event::{Answer, SentSignal},
};
use crate::{
    engine::{Changes, Command, NodeError, NodeRun, NodeState, State, Step},
    workflows::{MAX_TIMEOUT_SECS, versions::LoadedVersion},
};

/// Runs that a transaction has locked.
#[derive(Debug, Default)]
pub(crate) struct LockedRuns {
    pub(crate) runs: BTreeMap<RunId, LockedRun>,
}

/// A locked run.
#[derive(Debug)]
pub(crate) struct LockedRun {
    /// Its row.
    pub(crate) row: RunRow,
    /// Its version; none where it is missing.
    pub(crate) version: Option<Arc<LoadedVersion>>,
    /// The rows that were loaded, as they are now.
    pub(crate) state: State,
    /// What has to be written.
    changes: Changes,
    nodes: BTreeMap<Place, NodeFacts>,
    waits: BTreeMap<Place, WaitFacts>,
    outputs: BTreeMap<Place, Output>,
    items: BTreeMap<Place, Stored>,
    signals: BTreeMap<String, SentSignal>,
    failed: Vec<FailedAttempt>,
}

/// What the engine does not know of a node's row.
#[derive(Clone, Debug)]
struct NodeFacts {
    job: Option<JobId>,
    ready_at: Timestamp,
    finished_at: Option<Timestamp>,
}

/// What the engine does not know of a wait's row.
#[derive(Clone, Debug, Default)]
struct WaitFacts {
    generation: u32,
    round: u32,
    attempt: u32,
    job: Option<JobId>,
    /// The job that it waits for.
    awaited: Option<JobId>,
    token_hash: Option<String>,
    question: Option<serde_json::Value>,
    answer: Option<Answer>,
}

/// What becomes of the output of a node.
#[derive(Clone, Debug)]
enum Output {
    /// The node runs anew.
    Clear,
    /// It has one now.
    Set(Stored),
}

/// A failed attempt, for the history of its node.
#[derive(Clone, Debug)]
struct FailedAttempt {
    place: Place,
    generation: u32,
    round: u32,
    attempt: u32,
    job: Option<JobId>,
    error: NodeError,
    ready_at: Timestamp,
    finished_at: Timestamp,
}

impl LockedRun {
    fn new(row: RunRow) -> Self {
        let state = State { run: row.engine_run(), ..State::new(row.created_at) };
        Self {
            row,
            version: None,
            state,
            changes: Changes::default(),
            nodes: BTreeMap::new(),
            waits: BTreeMap::new(),
            outputs: BTreeMap::new(),
            items: BTreeMap::new(),
            signals: BTreeMap::new(),
            failed: Vec::new(),
        }
    }

    /// Takes over what a step led to. `status` is that of the run before it.
    pub(crate) fn apply(&mut self, step: Step, status: RunStatus, now: Timestamp) -> Vec<Command> {
        let Step { changes, before, commands } = step;
        for place in &changes.nodes {
            self.note_node(place, before.get(place).and_then(Option::as_ref), now);
        }
        self.note_run(status, now);
        self.row.revision += 1;
        let all = &mut self.changes;
        all.run = true;
        all.nodes.extend(changes.nodes);
        all.edges.extend(changes.edges);
        all.loops.extend(changes.loops);
        all.items.extend(changes.items);
        all.waits.extend(changes.waits);
        all.signals.extend(changes.signals);
        commands
    }

    fn note_run(&mut self, before: RunStatus, now: Timestamp) {
        let status = self.state.run.status;
        if before == RunStatus::Queued && !status.is_final() {
            let allowed = self.row.deadline_at.map(|deadline| deadline - self.row.created_at);
            self.row.started_at = Some(now);
            self.row.deadline_at = allowed.map(|allowed| now + allowed);
        } else if before.is_final() && !status.is_final() {
            let since = self.row.started_at.unwrap_or(self.row.created_at);
            let left = self.row.active_left.take().map(TimeDelta::milliseconds);
            let allowed = left.or_else(|| self.row.deadline_at.map(|deadline| deadline - since));
            self.row.deadline_at = allowed.map(|allowed| now + allowed.max(TimeDelta::minutes(1)));
            self.row.started_at = Some(now);
            self.row.finished_at = None;
        }
        self.stop_clock(status, now);
        if status.is_final() && !before.is_final() {
            self.row.finished_at = Some(now);
        }
        if !self.state.run.paused {
            (self.row.paused_by, self.row.paused_at) = (None, None);
        }
    }

    /// Keeps the time that is left for work while the run only waits or is paused.
    fn stop_clock(&mut self, status: RunStatus, now: Timestamp) {
        let is_idle = matches!(status, RunStatus::Waiting | RunStatus::Paused);
        match (is_idle, self.row.active_left) {
            (true, None) => {
                let since = self.row.started_at.unwrap_or(now);
                let left = self.row.deadline_at.map(|deadline| (deadline - now).num_milliseconds());
                self.row.active_left = left;
                self.row.deadline_at = left.map(|_| since + TimeDelta::seconds(i64::from(MAX_TIMEOUT_SECS)));
            }
            (false, Some(left)) if !status.is_final() => {
                self.row.active_left = None;
                self.row.deadline_at = Some(now + TimeDelta::milliseconds(left));
            }
            _ => {}
        }
    }

    fn note_node(&mut self, place: &Place, before: Option<&NodeRun>, now: Timestamp) {
        let Some(row) = self.state.nodes.get(place) else {
            self.nodes.remove(place);
            self.outputs.remove(place);
            return;
        };
        let is_same_round =
            before.is_some_and(|before| (before.generation, before.round) == (row.generation, row.round));
        let old = self.nodes.get(place).cloned();
        if let (Some(before), Some(old)) = (before, &old)
            && let Some(error) = failed_attempt(before, row)
        {
            let ready_at = before.retry_at.filter(|_| before.attempt > 1).unwrap_or(old.ready_at);
            self.failed.push(FailedAttempt {
                place: place.clone(),
                generation: before.generation,
                round: before.round,
                attempt: before.attempt,
                job: old.job,
                error: error.clone(),
                ready_at,
                finished_at: now,
            });
        }
        let is_same_attempt = before.is_some_and(|before| is_same_round && before.attempt == row.attempt);
        if !is_same_round {
            self.outputs.insert(place.clone(), Output::Clear);
        }
        let facts = NodeFacts {
            job: old.as_ref().and_then(|old| old.job).filter(|_| is_same_attempt),
            ready_at: old.as_ref().filter(|_| is_same_round).map_or(now, |old| old.ready_at),
            finished_at: row.state.is_final().then_some(now),
        };
        self.nodes.insert(place.clone(), facts);
    }

    /// The job of a node's current attempt.
    pub(crate) fn job_of(&self, place: &Place) -> Option<JobId> {
        self.nodes.get(place)?.job
    }

    /// Notes the job of a node's current attempt.
    pub(crate) fn set_job(&mut self, place: &Place, job: JobId) {
        if let Some(facts) = self.nodes.get_mut(place) {
            facts.job = Some(job);
            self.changes.nodes.insert(place.clone());
            self.changes.run = true;
        }
    }

    /// The job that wakes a wait.
    pub(crate) fn wake_job_of(&self, place: &Place) -> Option<JobId> {
        self.waits.get(place)?.job
    }

    /// Notes the job that wakes a wait.
    pub(crate) fn set_wake_job(&mut self, place: &Place, job: JobId) {
        if let Some(facts) = self.waits.get_mut(place) {
            facts.job = Some(job);
            self.changes.waits.insert(place.clone());
            self.changes.run = true;
        }
    }

    /// The job that a wait is for.
    pub(crate) fn awaited_job_of(&self, place: &Place) -> Option<JobId> {
        self.waits.get(place)?.awaited
    }

    /// Notes the job that a wait is for.
    pub(crate) fn set_awaited_job(&mut self, place: &Place, job: JobId) {
        if let Some(facts) = self.waits.get_mut(place) {
            facts.awaited = Some(job);
            self.changes.waits.insert(place.clone());
            self.changes.run = true;
        }
    }

    /// Notes the hash of the token that answers a new wait.
    pub(crate) fn set_token(&mut self, place: &Place, hash: String) {
        if let Some(facts) = self.waits.get_mut(place) {
            facts.token_hash = Some(hash);
        }
    }

    /// Notes that an attempt begins to wait.
    pub(crate) fn enter_wait(&mut self, at: &crate::engine::NodeAt, question: Option<serde_json::Value>) {
        let (generation, round, attempt) = (at.generation, at.round, at.attempt);
        let facts = WaitFacts { generation, round, attempt, question, ..WaitFacts::default() };
        self.waits.insert((at.scope.clone(), at.node), facts);
    }

    /// Notes the decision that ended a wait.
    pub(crate) fn set_answer(&mut self, place: &Place, answer: Answer) {
        if let Some(facts) = self.waits.get_mut(place) {
            facts.answer = Some(answer);
        }
    }

    /// Notes the output of a node.
    pub(crate) fn set_output(&mut self, place: Place, output: Stored) {
        self.row.output_bytes += i64::try_from(output.new_bytes()).unwrap_or(i64::MAX);
        self.outputs.insert(place, Output::Set(output));
    }

    /// Notes the evaluated list of a loop.
    pub(crate) fn set_items(&mut self, place: Place, items: Stored) {
        self.row.output_bytes += i64::try_from(items.new_bytes()).unwrap_or(i64::MAX);
        self.items.insert(place, items);
    }

    /// Notes a signal that was sent.
    pub(crate) fn add_signal(&mut self, signal: SentSignal) {
        self.signals.insert(signal.id.clone(), signal);
    }

    /// The signals that were taken since the last save, with the nodes that took them.
    pub(crate) fn taken_signals(&self) -> Vec<(String, Place)> {
        let ids = self.changes.signals.iter();
        ids.filter_map(|id| Some((id.clone(), self.state.signals.get(id)?.taken_by.clone()?))).collect()
    }

    /// The payload of a signal that was sent in this transaction.
    pub(crate) fn payload_of(&self, signal: &str) -> Option<serde_json::Value> {
        self.signals.get(signal).map(|signal| signal.payload.clone())
    }

    /// Ends the run in a way that the engine does not know of, such as for a missing version.
    pub(crate) fn end_alone(
        &mut self,
        status: RunStatus,
        failure: Option<crate::engine::Failure>,
        now: Timestamp,
    ) {
        let run = &mut self.state.run;
        run.status = status;
        run.paused = false;
        run.failure = failure;
        (run.working, run.waiting) = (0, 0);
        self.row.finished_at = Some(now);
        self.row.revision += 1;
        self.changes.run = true;
    }
}

/// The error of the attempt that just failed, if one did.
fn failed_attempt<'a>(before: &NodeRun, after: &'a NodeRun) -> Option<&'a NodeError> {
    let has_failed = matches!(after.state, NodeState::Failed | NodeState::Retrying);
    let is_new = before.state != after.state || before.attempt != after.attempt;
    after.error.as_ref().filter(|_| has_failed && is_new && !before.state.is_final())
}
