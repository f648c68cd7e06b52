//! Ends of attempts: success, failure, retry and where an error goes.

use super::{
    ChildEnd, Command, NodeAt, NodeError, NodeState, Outcome, Refusal, WaitKind, WaitRequest, flow::Leaves,
    pause_before, state::Place, step::Stepper,
};
use crate::graph::{Behaviour, ERROR, OnError, PortKind};

/// Most items of a loop.
pub(super) const MAX_ITEMS: u32 = 10_000;

impl Stepper<'_> {
    pub(super) fn end_attempt(&mut self, at: &NodeAt, outcome: Outcome) -> Result<(), Refusal> {
        if !self.current(at)?.state.is_working() {
            return Err(Refusal::Stale);
        }
        let place = (at.scope.clone(), at.node);
        let behaviour = self.plan.behaviour(at.node);
        match (behaviour, outcome) {
            (_, Outcome::Failed(error)) => self.fail_attempt(&place, error),
            (Behaviour::Work { chooses }, Outcome::Done { port }) => self.end_work(&place, chooses, port),
            (Behaviour::Work { .. }, Outcome::Wait(request)) if request.kind != WaitKind::Child => {
                self.open_wait(&place, request);
            }
            (Behaviour::Child(_), Outcome::Child) => self.start_child(&place),
            (Behaviour::Loop(_), Outcome::Items { count }) if count > MAX_ITEMS => {
                let message = format!("The list has {count} items; at most {MAX_ITEMS} are allowed.");
                self.fail_node(&place, NodeError::permanent(NodeError::TOO_MANY_ITEMS, message));
            }
            (Behaviour::Loop(_), Outcome::Items { count }) => self.start_loop(&place, count),
            (Behaviour::While(_), Outcome::Round { holds }) => self.start_round(&place, holds),
            (_, outcome) => self.fail_unexpected(&place, &format!("{outcome:?}")),
        }
        Ok(())
    }

    fn end_work(&mut self, place: &Place, chooses: bool, port: Option<String>) {
        let shape = &self.plan.node(place.1).shape;
        match port {
            None if chooses => self.fail_unexpected(place, "no port"),
            None => self.finish(place, Leaves::Everywhere),
            Some(port) if shape.output(&port).is_some_and(|port| port.kind == PortKind::Main) => {
                self.finish(place, Leaves::By(&port));
            }
            Some(port) => self.fail_unexpected(place, &format!("the port {port:?}")),
        }
    }

    fn fail_unexpected(&mut self, place: &Place, what: &str) {
        let message = format!("The node gave {what}, which its type does not have.");
        self.fail_node(place, NodeError::permanent(NodeError::UNEXPECTED_OUTCOME, message));
    }

    /// Repeats a failed attempt, or fails the node after the last one.
    pub(super) fn fail_attempt(&mut self, place: &Place, error: NodeError) {
        let mut row = self.row_of(place);
        let retry = self.plan.policy(place.1).retry.as_ref();
        let Some(pause) = pause_before(retry, row.attempt, &error, self.moment.jitter) else {
            return self.fail_node(place, error);
        };
        row.state = NodeState::Retrying;
        row.attempt += 1;
        row.error = Some(error);
        row.retry_at = Some(self.moment.now + pause);
        self.set_node(place.clone(), row);
        self.order_start(place);
    }

    /// Fails a node, and sends its error where the policy says.
    pub(super) fn fail_node(&mut self, place: &Place, error: NodeError) {
        let on_error = self.plan.policy(place.1).on_error;
        let mut row = self.row_of(place);
        row.state = NodeState::Failed;
        row.error = Some(error);
        row.handled = on_error != OnError::Stop;
        let port = match on_error {
            OnError::Stop => None,
            OnError::Continue => self.plan.first_output(place.1),
            OnError::ErrorBranch => Some(ERROR),
        };
        row.port = port.map(str::to_owned);
        let failure = self.failure_of(place.1, &row);
        self.set_node(place.clone(), row);
        match port {
            None if on_error == OnError::Stop => self.fail_scope(&place.0, failure),
            None => self.leave(place, &Leaves::Nowhere),
            Some(port) => self.leave(place, &Leaves::WithError(port)),
        }
    }

    fn start_child(&mut self, place: &Place) {
        let request = WaitRequest { kind: WaitKind::Child, key: None, due: None };
        self.enter_wait(place, &request);
        self.commands.push(Command::StartChild(self.attempt_of(place)));
    }

    pub(super) fn end_child(&mut self, at: &NodeAt, end: ChildEnd) -> Result<(), Refusal> {
        let row = self.current(at)?;
        if row.state != NodeState::Waiting || !matches!(self.plan.behaviour(at.node), Behaviour::Child(_)) {
            return Err(Refusal::Stale);
        }
        let place = (at.scope.clone(), at.node);
        self.close_wait_row(&place);
        match end {
            ChildEnd::Succeeded => self.finish(&place, Leaves::Everywhere),
            ChildEnd::Failed(failure) => {
                let message = format!("{}: {}", failure.code, failure.message);
                self.fail_attempt(&place, NodeError::new(NodeError::CHILD_FAILED, message));
            }
            ChildEnd::Cancelled => {
                let error = NodeError::permanent(NodeError::CHILD_CANCELLED, "The child run was cancelled.");
                self.fail_attempt(&place, error);
            }
        }
        Ok(())
    }
}
