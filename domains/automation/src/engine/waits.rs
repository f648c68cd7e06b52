//! Waits: for a time, for somebody's decision, for a signal.

use chrono::{DateTime, Utc};

use super::{
    Command, NodeAt, NodeError, NodeState, Refusal, Signal, Wait, WaitKind, WaitRequest, flow::Leaves,
    state::Place, step::Stepper,
};

/// The output port of an approval that was given.
pub(super) const APPROVED: &str = "approved";
/// The output port of an approval that was refused.
pub(super) const REJECTED: &str = "rejected";
/// The output port of a signal that came.
pub(super) const RECEIVED: &str = "received";
/// The output port of a wait that nobody answered in time.
pub(super) const TIMEOUT: &str = "timeout";

impl Stepper<'_> {
    /// Lets a node wait, unless the signal that it waits for is there already.
    pub(super) fn open_wait(&mut self, place: &Place, request: WaitRequest) {
        self.enter_wait(place, &request);
        let buffered = self.state.signals.iter().filter(|(_, signal)| {
            signal.taken_by.is_none()
                && request.kind == WaitKind::Signal
                && request.key.as_deref() == Some(&signal.key)
        });
        let oldest =
            buffered.min_by_key(|(id, signal)| (signal.sent_at, (*id).clone())).map(|(id, _)| id.clone());
        match oldest {
            Some(id) => {
                self.give_signal(place, &id);
                self.finish(place, Leaves::By(RECEIVED));
            }
            None => self.commands.push(Command::OpenWait(self.attempt_of(place), request)),
        }
    }

    /// Writes the rows of a wait.
    pub(super) fn enter_wait(&mut self, place: &Place, request: &WaitRequest) {
        let mut row = self.row_of(place);
        row.state = NodeState::Waiting;
        self.set_node(place.clone(), row);
        let wait = Wait {
            kind: request.kind,
            key: request.key.clone(),
            due: request.due,
            opened_at: self.moment.now,
            closed: false,
            held: false,
        };
        self.state.waits.insert(place.clone(), wait);
        self.changes.waits.insert(place.clone());
    }

    pub(super) fn close_wait_row(&mut self, place: &Place) {
        if let Some(wait) = self.state.waits.get_mut(place) {
            wait.closed = true;
            wait.held = false;
            self.changes.waits.insert(place.clone());
        }
    }

    /// The wait that an event speaks of, while it is open.
    fn open_wait_of(&self, at: &NodeAt) -> Result<(Place, Wait), Refusal> {
        let place = (at.scope.clone(), at.node);
        let row = self.current(at).map_err(|refusal| match refusal {
            Refusal::Stale => Refusal::WaitClosed,
            other => other,
        })?;
        let wait =
            self.state.waits.get(&place).filter(|wait| !wait.closed && row.state == NodeState::Waiting);
        wait.cloned().map(|wait| (place, wait)).ok_or(Refusal::WaitClosed)
    }

    pub(super) fn wake(&mut self, at: &NodeAt) -> Result<(), Refusal> {
        let (place, wait) = self.open_wait_of(at)?;
        if wait.due.is_none_or(|due| self.moment.now < due) {
            return Err(Refusal::NotDue);
        }
        if self.state.run.paused {
            self.state.waits.insert(place.clone(), Wait { held: true, ..wait });
            self.changes.waits.insert(place);
        } else {
            self.expire(&place, wait.kind);
        }
        Ok(())
    }

    /// Wakes the waits whose time came while the run was paused.
    pub(super) fn wake_held(&mut self) {
        let held = self.state.waits.iter().filter(|(_, wait)| wait.held && !wait.closed);
        let held: Vec<_> = held.map(|(place, wait)| (place.clone(), wait.kind)).collect();
        for (place, kind) in held {
            if self.state.waits.get(&place).is_some_and(|wait| wait.closed) {
                continue;
            }
            self.expire(&place, kind);
        }
    }

    /// Ends a wait whose time has come.
    fn expire(&mut self, place: &Place, kind: WaitKind) {
        self.close_wait_row(place);
        match kind {
            WaitKind::Delay | WaitKind::Until => self.finish(place, Leaves::Everywhere),
            WaitKind::Job => {
                self.commands.push(Command::CancelJob(self.attempt_of(place)));
                let message = "The job that the node started ran longer than the node waits.";
                self.fail_attempt(place, NodeError::new(NodeError::TIMEOUT, message));
            }
            _ if self.has_edge(place.1, TIMEOUT) => self.finish(place, Leaves::By(TIMEOUT)),
            _ => {
                let error = NodeError::permanent(NodeError::WAIT_TIMEOUT, "Nobody answered in time.");
                self.fail_node(place, error);
            }
        }
    }

    pub(super) fn decide_approval(&mut self, at: &NodeAt, approved: bool) -> Result<(), Refusal> {
        let (place, wait) = self.open_wait_of(at)?;
        if wait.kind != WaitKind::Approval {
            return Err(Refusal::WrongState);
        }
        self.answer(&place, if approved { APPROVED } else { REJECTED });
        Ok(())
    }

    /// Ends the wait for a job. A failed job is a failed attempt.
    pub(super) fn end_job(&mut self, at: &NodeAt, error: Option<NodeError>) -> Result<(), Refusal> {
        let (place, wait) = self.open_wait_of(at)?;
        if wait.kind != WaitKind::Job {
            return Err(Refusal::WrongState);
        }
        self.close_wait_row(&place);
        self.commands.push(Command::CloseWait(self.attempt_of(&place)));
        match error {
            None => self.finish(&place, Leaves::Everywhere),
            Some(error) => self.fail_attempt(&place, error),
        }
        Ok(())
    }

    fn answer(&mut self, place: &Place, port: &str) {
        self.close_wait_row(place);
        self.commands.push(Command::CloseWait(self.attempt_of(place)));
        self.finish(place, Leaves::By(port));
    }

    /// Keeps a signal, and gives it to the oldest wait for it.
    pub(super) fn receive_signal(
        &mut self,
        id: String,
        key: String,
        sent_at: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        if sent_at < self.state.run.accepted_at {
            return Err(Refusal::SignalTooOld);
        }
        if self.state.signals.contains_key(&id) {
            return Err(Refusal::Stale);
        }
        let waiting = self.state.waits.iter().filter(|(_, wait)| {
            !wait.closed && wait.kind == WaitKind::Signal && wait.key.as_deref() == Some(&key)
        });
        let oldest = waiting.min_by_key(|(_, wait)| wait.opened_at).map(|(place, _)| place.clone());
        self.state.signals.insert(id.clone(), Signal { key, sent_at, taken_by: None });
        self.changes.signals.insert(id.clone());
        if let Some(place) = oldest {
            self.give_signal(&place, &id);
            self.answer(&place, RECEIVED);
        }
        Ok(())
    }

    fn give_signal(&mut self, place: &Place, id: &str) {
        if let Some(signal) = self.state.signals.get_mut(id) {
            signal.taken_by = Some(place.clone());
            self.changes.signals.insert(id.to_owned());
        }
        self.close_wait_row(place);
    }
}
