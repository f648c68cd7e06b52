//! One step of a run.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    CancelCause, Changes, Command, Event, Failure, NodeAt, NodeId, NodeRun, NodeState, Plan, Refusal,
    RunStatus, ScopePath, State, flow::Queues, state::Place,
};

/// When a step happens, and the chance in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// The database's clock.
    pub now: DateTime<Utc>,
    /// Between -1 and 1: moves the pause before another attempt.
    pub jitter: f64,
}

/// What a step led to, beside the new state.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The rows that differ.
    pub changes: Changes,
    /// The rows of changed nodes as they were. None of those that had none.
    pub before: BTreeMap<Place, Option<NodeRun>>,
    /// What has to be done.
    pub commands: Vec<Command>,
}

/// Whether an event that is refused may leave a state half changed. Whoever asks keeps a copy of the state then.
#[must_use]
pub fn may_spoil(plan: &Plan, event: &Event) -> bool {
    plan.has_loops() || matches!(event, Event::RetryFailed | Event::RetryItems { .. })
}

/// Changes a state by what follows from an event.
///
/// # Errors
/// If the event changes nothing, why not. The state is as it was, unless the event [may spoil](may_spoil) it.
pub fn step(plan: &Plan, state: &mut State, event: Event, moment: Moment) -> Result<Step, Refusal> {
    let mut stepper = Stepper {
        plan,
        state,
        moment,
        changes: Changes::default(),
        before: BTreeMap::new(),
        commands: Vec::new(),
        queues: Queues::default(),
        rows_missing: false,
    };
    stepper.handle(event)?;
    stepper.settle();
    stepper.conclude();
    if stepper.rows_missing {
        return Err(Refusal::RowsMissing);
    }
    Ok(Step { changes: stepper.changes, before: stepper.before, commands: stepper.commands })
}

/// A step under way.
pub(super) struct Stepper<'a> {
    pub(super) plan: &'a Plan,
    pub(super) state: &'a mut State,
    pub(super) moment: Moment,
    pub(super) changes: Changes,
    pub(super) before: BTreeMap<Place, Option<NodeRun>>,
    pub(super) commands: Vec<Command>,
    pub(super) queues: Queues,
    /// Whether something had to be looked at that was not loaded.
    pub(super) rows_missing: bool,
}

impl Stepper<'_> {
    fn handle(&mut self, event: Event) -> Result<(), Refusal> {
        let is_retry = matches!(event, Event::RetryFailed | Event::RetryItems { .. });
        if self.state.run.status.is_final() && !is_retry {
            return Err(Refusal::RunEnded);
        }
        let may_precede_start = matches!(event, Event::Start { .. } | Event::Cancel | Event::Signal { .. });
        if self.state.run.status == RunStatus::Queued && !may_precede_start {
            return Err(Refusal::WrongState);
        }
        match event {
            Event::Start { trigger } => self.start(trigger),
            Event::Started(at) => self.mark_started(&at),
            Event::Ended(at, outcome) => self.end_attempt(&at, outcome),
            Event::Wake(at) => self.wake(&at),
            Event::Decided(at, approved) => self.decide_approval(&at, approved),
            Event::Signal { id, key, sent_at } => self.receive_signal(id, key, sent_at),
            Event::ChildEnded(at, end) => self.end_child(&at, end),
            Event::JobEnded(at, error) => self.end_job(&at, error),
            Event::Pause => self.pause(),
            Event::Resume => self.resume(),
            Event::Cancel => {
                self.end_run_early(CancelCause::Cancel, RunStatus::Cancelled, None);
                Ok(())
            }
            Event::TimedOut => {
                let failure = Failure::of_run(Failure::RUN_TIMEOUT, "The run took longer than it may.");
                self.end_run_early(CancelCause::Timeout, RunStatus::TimedOut, Some(failure));
                Ok(())
            }
            Event::RetryFailed => self.retry_failed(),
            Event::RetryItems { scope, node } => self.retry_items(&scope, node),
        }
    }

    fn mark_started(&mut self, at: &NodeAt) -> Result<(), Refusal> {
        let mut row = self.current(at)?;
        if !matches!(row.state, NodeState::Ready | NodeState::Retrying) {
            return Err(Refusal::Stale);
        }
        if self.state.run.paused {
            return Err(Refusal::Paused);
        }
        row.state = NodeState::Running;
        row.retry_at = None;
        self.set_node((at.scope.clone(), at.node), row);
        Ok(())
    }

    fn pause(&mut self) -> Result<(), Refusal> {
        if self.state.run.paused {
            return Err(Refusal::WrongState);
        }
        self.state.run.paused = true;
        self.changes.run = true;
        Ok(())
    }

    fn resume(&mut self) -> Result<(), Refusal> {
        if !self.state.run.paused {
            return Err(Refusal::WrongState);
        }
        self.state.run.paused = false;
        self.changes.run = true;
        let has_job = |row: &NodeRun| matches!(row.state, NodeState::Ready | NodeState::Retrying);
        let held: Vec<Place> =
            self.state.nodes.iter().filter(|(_, row)| has_job(row)).map(|(place, _)| place.clone()).collect();
        for place in held {
            self.order_start(&place);
        }
        self.wake_held();
        Ok(())
    }

    /// The row of the attempt that an event speaks of, if it is the current one.
    pub(super) fn current(&self, at: &NodeAt) -> Result<NodeRun, Refusal> {
        if !self.plan.holds(&at.scope, at.node) {
            let node = format!("#{}", at.node.0);
            return Err(Refusal::UnknownNode { node, scope: at.scope.clone() });
        }
        let row = self.state.node(&at.scope, at.node).ok_or(Refusal::Stale)?;
        let is_current =
            row.generation == at.generation && row.round == at.round && row.attempt == at.attempt;
        if is_current && !row.state.is_final() { Ok(row.clone()) } else { Err(Refusal::Stale) }
    }

    /// The current attempt of a node that has a row.
    pub(super) fn attempt_of(&self, (scope, node): &Place) -> NodeAt {
        let row = self.state.node(scope, *node);
        NodeAt {
            scope: scope.clone(),
            node: *node,
            generation: row.map_or(self.state.run.generation, |row| row.generation),
            round: row.map_or(0, |row| row.round),
            attempt: row.map_or(0, |row| row.attempt),
        }
    }

    /// Asks for the job of a node's current attempt, unless the run is paused.
    pub(super) fn order_start(&mut self, place: &Place) {
        if self.state.run.paused {
            return;
        }
        let at = self.attempt_of(place);
        let not_before = self.state.nodes.get(place).and_then(|row| row.retry_at);
        let timeout = self.plan.policy(place.1).timeout();
        self.commands.push(Command::StartNode { at, not_before, timeout });
    }

    /// Writes the row of a node, and counts it in the run and in the items around it.
    pub(super) fn set_node(&mut self, place: Place, row: NodeRun) {
        let before = self.state.nodes.get(&place).map(|row| row.state);
        let count = |state: Option<NodeState>| {
            let working = state.is_some_and(NodeState::is_working);
            (i64::from(working), i64::from(state == Some(NodeState::Waiting)))
        };
        let (old, new) = (count(before), count(Some(row.state)));
        self.count(&place.0, new.0 - old.0, new.1 - old.1);
        if row.state.is_final() {
            self.queues.scopes.insert(place.0.clone());
        }
        self.changes.nodes.insert(place.clone());
        let old = self.state.nodes.insert(place.clone(), row);
        self.before.entry(place).or_insert(old);
    }

    fn count(&mut self, scope: &ScopePath, working: i64, waiting: i64) {
        if working == 0 && waiting == 0 {
            return;
        }
        let add = |value: u32, change: i64| u32::try_from(i64::from(value) + change).unwrap_or_default();
        self.state.run.working = add(self.state.run.working, working);
        self.state.run.waiting = add(self.state.run.waiting, waiting);
        self.changes.run = true;
        for item in scope.items() {
            let Some(row) = self.state.items.get_mut(&item) else { continue };
            let was_parked = row.is_parked();
            row.working = add(row.working, working);
            row.waiting = add(row.waiting, waiting);
            let is_parked = row.is_parked();
            self.changes.items.insert(item.clone());
            if was_parked != is_parked {
                self.mark_parked(&item, is_parked);
            }
        }
    }

    /// Sets the state of the run from what is under way, and finds a run that nothing moves any more.
    fn conclude(&mut self) {
        let run = &mut self.state.run;
        if run.status.is_final() || run.status == RunStatus::Queued {
            return;
        }
        if run.working == 0 && run.waiting == 0 {
            let failure =
                Failure::of_run(Failure::ENGINE_STUCK, "The run has undecided nodes, but nothing moves it.");
            self.end_run_early(CancelCause::Failure, RunStatus::Failed, Some(failure));
            return;
        }
        let status = if run.paused {
            RunStatus::Paused
        } else if run.working == 0 {
            RunStatus::Waiting
        } else {
            RunStatus::Running
        };
        if run.status != status {
            run.status = status;
            self.changes.run = true;
        }
    }

    /// The key of the loop that a scope is an item of, in the scope around it.
    pub(super) fn loop_of(&self, item: &ScopePath) -> Option<Place> {
        self.plan.loop_of(item).map(|(around, _)| around)
    }

    pub(super) fn failure_of(&self, node: NodeId, row: &NodeRun) -> Failure {
        let (code, message) = row.error.as_ref().map_or_else(
            || (String::from("FAILED"), String::from("The node failed.")),
            |error| (error.code.clone(), error.message.clone()),
        );
        Failure { code, message, node: Some(self.plan.key(node).to_owned()), attempt: Some(row.attempt) }
    }
}
