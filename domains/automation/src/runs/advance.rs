//! Moving runs: what happened to several of them, in one transaction.
//!
//! The runs are locked, the rows that the events need are loaded, the engine takes its steps in memory, and
//! what it wants done is carried out for all runs at once: jobs, waits, child runs, ends. An end moves the
//! parent too, and may start the run of an error workflow or let a queued one start; so this goes on until
//! nothing is left to do.

mod actions;
mod attach;
mod ends;
mod jobs;
mod new_runs;
mod questions;
mod triggered;

use std::collections::BTreeMap;

use atelier_entities::{JobId, RunId, RunStatus, Timestamp, workflow_runs};
use atelier_foundation::{LinkKey, actions::Actions};
use atelier_queue::{NewJob, QueueError, Transaction, metrics::workflows as metrics};

use super::{
    ActionStart, ChildRequest, MAX_RUN_BYTES, Stored,
    event::{Attached, Resolved, RunEvent, named},
    store::{LockedRuns, Place, Wanted},
};
use crate::engine::{
    Command, Event, Failure, Moment, NodeAt, NodeError, NodeState, Outcome, Plan, Refusal, Rows, may_spoil,
    step,
};
use jobs::{Pending, PendingJob};
use questions::Question;

pub(crate) use new_runs::{NewRun, find_trigger, insert_run};
pub(crate) use triggered::{Fired, Hooked, Scheduled, start_hooked, start_scheduled, start_triggered};

/// A run whose version is gone, or cannot be walked by this version of the program.
pub(crate) const VERSION_MISSING: &str = "VERSION_MISSING";
const RUN_TOO_LARGE: &str = "RUN_TOO_LARGE";

/// What became of each event, in their order.
pub(crate) type Answers = Vec<Result<(), Refusal>>;

/// Moves runs by what happened to them, each in the order of its events. An event that changes nothing is no
/// error; its place in the answer says why. A run whose owner has closed the account is cancelled by any event.
///
/// # Errors
/// If the database fails.
pub(crate) async fn advance(tx: &Transaction, events: Vec<(RunId, RunEvent)>) -> Result<Answers, QueueError> {
    advance_with(tx, None, events).await
}

/// The same for events that may start actions and ask people.
///
/// # Errors
/// If the database fails.
pub(crate) async fn advance_with(
    tx: &Transaction,
    ports: Option<&NodePorts>,
    events: Vec<(RunId, RunEvent)>,
) -> Result<Answers, QueueError> {
    let mut advance = Advance { ports, ..Advance::new(tx) };
    advance.answers = vec![Ok(()); events.len()];
    advance.events =
        events.into_iter().enumerate().map(|(place, (run, event))| (Some(place), run, event)).collect();
    advance.run().await?;
    Ok(advance.answers)
}

/// What the ends of attempts use of other domains.
#[derive(Clone, Debug)]
pub(crate) struct NodePorts {
    /// What nodes may start.
    pub(crate) actions: Actions,
    /// Makes the links by which people decide about approvals.
    pub(crate) links: LinkKey,
}

/// Starts a run that this transaction inserted.
pub(crate) async fn start_new(tx: &Transaction, run: RunId) -> Result<(), QueueError> {
    advance(tx, vec![(run, RunEvent::Start)]).await.map(drop)
}

/// Runs that are being moved.
struct Advance<'a> {
    tx: &'a Transaction,
    /// The time of everything that happens, once it was read.
    moment: Option<Timestamp>,
    ports: Option<&'a NodePorts>,
    runs: LockedRuns,
    events: Vec<(Option<usize>, RunId, RunEvent)>,
    answers: Answers,
    pending: Pending,
    /// Further jobs, such as starts of queued runs.
    jobs: Vec<NewJob>,
    /// Jobs that nobody needs, with their runs.
    unneeded: Vec<(RunId, JobId)>,
    /// Child runs that are asked for.
    children: BTreeMap<(RunId, NodeAt), ChildRequest>,
    /// Actions that are asked for.
    starts: BTreeMap<(RunId, NodeAt), ActionStart>,
    /// Approvals that people are to be asked for by mail.
    questions: Vec<Question>,
    /// Attempts whose child runs are to be cancelled.
    abandoned: Vec<(RunId, NodeAt)>,
    /// New runs, which are inserted before anything of them is written.
    inserts: Vec<workflow_runs::ActiveModel>,
    /// Runs that ended.
    ended: Vec<RunId>,
    /// Runs whose error workflow is to start.
    failed: Vec<(RunId, Failure)>,
}

impl<'a> Advance<'a> {
    fn new(tx: &'a Transaction) -> Self {
        Self {
            tx,
            moment: None,
            ports: None,
            runs: LockedRuns::default(),
            events: Vec::new(),
            answers: Vec::new(),
            pending: Pending::default(),
            jobs: Vec::new(),
            unneeded: Vec::new(),
            children: BTreeMap::new(),
            starts: BTreeMap::new(),
            questions: Vec::new(),
            abandoned: Vec::new(),
            inserts: Vec::new(),
            ended: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// The time of everything that happens to the runs. It is read once the first of them are locked: whoever holds
    /// a run is the only one that may change its child runs, so that a run and the child runs that end with it end at
    /// the same time, and none before it began.
    fn now(&mut self) -> Timestamp {
        let tx = self.tx;
        *self.moment.get_or_insert_with(|| tx.now())
    }

    /// Projects and accounts are locked last: by actions that start, by the ends of cancelled jobs, and by
    /// mails.
    async fn run(&mut self) -> Result<(), QueueError> {
        self.take_rounds().await?;
        while self.start_actions().await? {
            self.take_rounds().await?;
        }
        self.cancel_unneeded().await?;
        self.ask_people().await
    }

    async fn take_rounds(&mut self) -> Result<(), QueueError> {
        loop {
            while !self.events.is_empty() {
                let events = std::mem::take(&mut self.events);
                self.take_round(events).await?;
            }
            self.flush().await?;
            self.carry_out().await?;
            if self.events.is_empty() && self.jobs.is_empty() && self.inserts.is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes the steps of some events, in memory.
    async fn take_round(&mut self, events: Vec<(Option<usize>, RunId, RunEvent)>) -> Result<(), QueueError> {
        let mut ids: Vec<RunId> = events.iter().map(|(_, run, _)| *run).collect();
        ids.sort_unstable();
        ids.dedup();
        self.runs.lock(self.tx, &ids).await?;
        let events = self.check_children(events).await?;
        let mut resolved = Vec::with_capacity(events.len());
        for (place, id, event) in events {
            let Some(run) = self.runs.runs.get(&id) else {
                self.refuse(place, id, Refusal::RunEnded);
                continue;
            };
            // A failed node with `on_error: continue` would go on.
            let event = if run.row.withdrawn { RunEvent::Cancel } else { event };
            let Some(version) = run.version.clone() else {
                self.end_without_version(place, id, &event);
                continue;
            };
            if run.state.run.paused && event.is_held_by_pause() {
                self.refuse(place, id, Refusal::Paused);
                continue;
            }
            match event.resolve(&version.plan, &run.row.trigger_node) {
                Ok(event) => resolved.push((place, id, event)),
                Err(refusal) => self.refuse(place, id, refusal),
            }
        }
        let wanted: Vec<Wanted> = resolved.iter().map(|(_, run, event)| wanted(*run, event)).collect();
        self.runs.load(self.tx, &wanted).await?;
        for (place, id, event) in resolved {
            match event {
                Resolved::Held(at) => self.hold(place, id, at),
                Resolved::Event(event, attached) => {
                    let wake = if let Event::Wake(at) = &event { Some(at.clone()) } else { None };
                    if let Err(refusal) = self.take_step(id, event, *attached).await? {
                        if let Some(at) = wake.filter(|_| refusal == Refusal::NotDue) {
                            self.wake_again(id, &at);
                        }
                        self.refuse(place, id, refusal);
                    }
                }
            }
        }
        Ok(())
    }

    fn refuse(&mut self, place: Option<usize>, run: RunId, refusal: Refusal) {
        tracing::debug!(%run, %refusal, "an event changes nothing");
        if let Some(answer) = place.and_then(|place| self.answers.get_mut(place)) {
            *answer = Err(refusal);
        }
    }

    /// Takes one step. Where rows are missing, more are loaded and it is taken again.
    async fn take_step(
        &mut self,
        id: RunId,
        event: Event,
        attached: Attached,
    ) -> Result<Result<(), Refusal>, QueueError> {
        let moment = Moment { now: self.now(), jitter: jitter() };
        let mut more = [Rows::Open, Rows::All].into_iter();
        loop {
            let Some(run) = self.runs.runs.get_mut(&id) else { return Ok(Err(Refusal::RunEnded)) };
            let Some(version) = run.version.clone() else { return Ok(Err(Refusal::RunEnded)) };
            let event = bounded(event.clone(), &attached, run.row.output_bytes);
            let status = run.state.run.status;
            let kept = may_spoil(&version.plan, &event).then(|| run.state.clone());
            let taken = step(&version.plan, &mut run.state, event.clone(), moment);
            if let (Err(_), Some(kept)) = (&taken, kept) {
                run.state = kept;
            }
            match taken {
                Ok(step) => {
                    let commands = run.apply(step, status, moment.now);
                    self.attach(id, &event, attached);
                    for command in commands {
                        self.collect(id, &version.plan, command);
                    }
                    return Ok(Ok(()));
                }
                Err(Refusal::RowsMissing) => {
                    let Some(rows) = more.next() else {
                        tracing::error!(run = %id, "rows of a run are missing");
                        return Ok(Err(Refusal::RowsMissing));
                    };
                    self.runs.load(self.tx, &[Wanted { run: id, rows, with_signals: false }]).await?;
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
    }

    /// Takes over what a step wants done.
    fn collect(&mut self, id: RunId, plan: &Plan, command: Command) {
        let place = |at: &NodeAt| -> Place { (at.scope.clone(), at.node) };
        match command {
            Command::StartNode { at, not_before, timeout } => {
                let args = named(id, plan, &at);
                self.pending.start(id, &at, PendingJob { args, due: not_before, timeout });
            }
            Command::CancelNode(at) => {
                if !self.pending.forget_start(id, &at) {
                    let job = self.runs.runs.get(&id).and_then(|run| run.job_of(&place(&at)));
                    self.unneeded.extend(job.map(|job| (id, job)));
                }
            }
            Command::OpenWait(at, request) => {
                if let Some(due) = request.due {
                    self.pending.wake(id, &at, named(id, plan, &at), due);
                }
            }
            Command::CloseWait(at) => {
                if !self.pending.forget_wake(id, &at) {
                    let job = self.runs.runs.get(&id).and_then(|run| run.wake_job_of(&place(&at)));
                    self.unneeded.extend(job.map(|job| (id, job)));
                }
            }
            Command::CancelJob(at) => {
                if self.starts.remove(&(id, at.clone())).is_none() {
                    let job = self.runs.runs.get(&id).and_then(|run| run.awaited_job_of(&place(&at)));
                    self.unneeded.extend(job.map(|job| (id, job)));
                }
            }
            // The request is there: it came with the event.
            Command::StartChild(_) => {}
            Command::CancelChild(at, policy) => self.abandon_child(id, at, policy),
            Command::EndRun { status, failure } => {
                if failure.as_ref().is_some_and(|failure| failure.code == Failure::ENGINE_STUCK) {
                    tracing::error!(run = %id, "a run has undecided nodes, but nothing moves it");
                    metrics::run_stuck();
                }
                tracing::debug!(run = %id, %status, "a run has ended");
                metrics::run_ended(status.as_str());
                self.ended.push(id);
            }
            Command::StartErrorWorkflow(failure) => self.failed.push((id, failure)),
        }
    }

    /// Enqueues the job of an attempt again that did nothing, if the attempt is still wanted.
    fn hold(&mut self, place: Option<usize>, id: RunId, at: NodeAt) {
        let Some(run) = self.runs.runs.get(&id) else { return };
        let Some(version) = run.version.clone() else { return };
        let row = run.state.node(&at.scope, at.node).filter(|row| {
            matches!(row.state, NodeState::Ready | NodeState::Retrying)
                && (row.generation, row.round, row.attempt) == (at.generation, at.round, at.attempt)
        });
        if run.state.run.paused || run.state.run.status.is_final() || row.is_none() {
            return self.refuse(place, id, Refusal::Stale);
        }
        let timeout = version.plan.policy(at.node).timeout();
        let due = row.and_then(|row| row.retry_at);
        let args = named(id, &version.plan, &at);
        self.pending.start(id, &at, PendingJob { args, due, timeout });
    }

    /// Enqueues the job that wakes a node again: the clock of its worker was ahead.
    fn wake_again(&mut self, id: RunId, at: &NodeAt) {
        let Some(run) = self.runs.runs.get(&id) else { return };
        let due = run.state.waits.get(&(at.scope.clone(), at.node)).and_then(|wait| wait.due);
        if let Some((due, version)) = due.zip(run.version.as_ref()) {
            self.pending.wake(id, at, named(id, &version.plan, at), due);
        }
    }

    /// Ends a run that no plan can be had for.
    fn end_without_version(&mut self, place: Option<usize>, id: RunId, event: &RunEvent) {
        let now = self.now();
        let Some(run) = self.runs.runs.get_mut(&id) else { return };
        if run.state.run.status.is_final() {
            return self.refuse(place, id, Refusal::RunEnded);
        }
        if matches!(event, RunEvent::Cancel) {
            run.end_alone(RunStatus::Cancelled, None, now);
        } else {
            tracing::error!(run = %id, version = %run.row.version_id, "the version of a run is missing");
            let failure = Failure::of_run(VERSION_MISSING, "The version of the workflow is missing.");
            run.end_alone(RunStatus::Failed, Some(failure.clone()), now);
            if !run.row.handles_error {
                self.failed.push((id, failure));
            }
        }
        metrics::run_ended(run.state.run.status.as_str());
        self.ended.push(id);
    }
}

/// The rows that an event needs.
fn wanted(run: RunId, event: &Resolved) -> Wanted {
    match event {
        Resolved::Held(at) => Wanted { run, rows: Rows::Path(at.scope.clone()), with_signals: false },
        Resolved::Event(event, _) => {
            let with_signals = matches!(event, Event::Ended(_, Outcome::Wait(_)));
            Wanted { run, rows: Rows::of(event), with_signals }
        }
    }
}

/// The event, or a failure where its output is more than the run may keep.
fn bounded(event: Event, attached: &Attached, kept: i64) -> Event {
    let new = attached.output.as_ref().or(attached.items.as_ref()).map_or(0, Stored::new_bytes);
    let total = u64::try_from(kept).unwrap_or_default().saturating_add(new);
    match event {
        Event::Ended(at, outcome) if total > MAX_RUN_BYTES && !matches!(outcome, Outcome::Failed(_)) => {
            let message =
                format!("The outputs of the run have {total} bytes; at most {MAX_RUN_BYTES} are kept.");
            Event::Ended(at, Outcome::Failed(NodeError::permanent(RUN_TOO_LARGE, message)))
        }
        event => event,
    }
}

/// A random number between -1 and 1.
fn jitter() -> f64 {
    rand::random::<f64>() * 2.0 - 1.0
}
