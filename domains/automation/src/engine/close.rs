//! Ends before their time: a failed scope, a cancelled run, branches that a join no longer needs.

use super::{
    CancelCause, Command, Failure, ItemState, LoopClosing, NodeId, NodeRun, NodeState, RunStatus, ScopePath,
    WaitKind, state::Place, step::Stepper,
};
use crate::graph::{Behaviour, node_type::ParentCancel};

impl Stepper<'_> {
    /// Ends a scope in which a failure was left unhandled.
    pub(super) fn fail_scope(&mut self, scope: &ScopePath, failure: Failure) {
        if scope.is_root() {
            self.end_run_early(CancelCause::Failure, RunStatus::Failed, Some(failure));
        } else {
            self.close_scope(scope, CancelCause::Failure);
            self.end_item(scope, ItemState::Failed, Some(failure));
        }
    }

    /// Ends the run with all that is under way.
    pub(super) fn end_run_early(&mut self, cause: CancelCause, status: RunStatus, failure: Option<Failure>) {
        self.close_scope(&ScopePath::root(), cause);
        self.end_run(status, failure);
    }

    pub(super) fn end_run(&mut self, status: RunStatus, failure: Option<Failure>) {
        self.state.run.status = status;
        self.state.run.paused = false;
        self.state.run.failure.clone_from(&failure);
        self.changes.run = true;
        self.commands.push(Command::EndRun { status, failure: failure.clone() });
        if let Some(failure) = failure.filter(|_| !self.state.run.handles_error) {
            self.commands.push(Command::StartErrorWorkflow(failure));
        }
    }

    /// Ends everything in a scope that is not decided, and in the items below it.
    fn close_scope(&mut self, scope: &ScopePath, cause: CancelCause) {
        let plan = self.plan;
        for &node in plan.nodes_of(scope) {
            self.cancel_node(&(scope.clone(), node), cause);
        }
    }

    /// Ends a node that is not decided. All edges that leave it are dead.
    fn cancel_node(&mut self, place: &Place, cause: CancelCause) {
        let row = self.row_of_undecided(place);
        if let Some(row) = row {
            self.order_stop(place, row.state, cause);
            let row = NodeRun { state: NodeState::Cancelled, cause: Some(cause), retry_at: None, ..row };
            self.set_node(place.clone(), row);
        }
        let plan = self.plan;
        for &edge in plan.outbound(place.1) {
            self.decide_edge(&place.0, edge, false, false);
        }
    }

    /// The row of a node that is not decided. One that was never reached gets a row that has nothing to stop.
    fn row_of_undecided(&self, place: &Place) -> Option<NodeRun> {
        match self.state.nodes.get(place) {
            Some(row) if row.state.is_final() => None,
            Some(row) => Some(row.clone()),
            None => Some(NodeRun::new(NodeState::Cancelled, self.state.run.generation)),
        }
    }

    /// Stops the work for a node: its job, its wait or its child run.
    fn order_stop(&mut self, place: &Place, state: NodeState, cause: CancelCause) {
        match state {
            NodeState::Ready | NodeState::Running | NodeState::Retrying => {
                self.commands.push(Command::CancelNode(self.attempt_of(place)));
            }
            NodeState::Waiting => self.stop_wait(place),
            NodeState::Iterating => self.close_items(place, cause),
            _ => {}
        }
    }

    fn stop_wait(&mut self, place: &Place) {
        let at = self.attempt_of(place);
        let kind = self.state.waits.get(place).map(|wait| wait.kind);
        let is_child = kind == Some(WaitKind::Child);
        self.close_wait_row(place);
        if kind == Some(WaitKind::Job) {
            self.commands.push(Command::CancelJob(at.clone()));
        }
        self.commands.push(match self.plan.behaviour(place.1) {
            Behaviour::Child(policy) if is_child => Command::CancelChild(at, policy),
            _ if is_child => Command::CancelChild(at, ParentCancel::Cancel),
            _ => Command::CloseWait(at),
        });
    }

    /// Ends the items of a loop that are under way.
    pub(super) fn close_items(&mut self, (scope, node): &Place, cause: CancelCause) {
        let open = self.items_in(scope, *node, &[ItemState::Running, ItemState::Queued]);
        let expected = self.state.loops.get(&(scope.clone(), *node)).map_or(0, |row| row.active + row.queued);
        self.rows_missing |= open.len() < expected as usize;
        for item in open {
            self.close_scope(&item, cause);
            if let Some(row) = self.state.items.get_mut(&item) {
                row.state = ItemState::Cancelled;
                row.cause = Some(cause);
                self.changes.items.insert(item);
            }
        }
        let place = (scope.clone(), *node);
        if let Some(row) = self.state.loops.get_mut(&place) {
            (row.active, row.parked, row.queued) = (0, 0, 0);
            self.changes.loops.insert(place);
        }
    }

    /// The items of a loop that are in one of some states, in order.
    pub(super) fn items_in(&self, scope: &ScopePath, node: NodeId, states: &[ItemState]) -> Vec<ScopePath> {
        let key = self.plan.key(node);
        let first = scope.item(key, 0);
        let last = scope.item(key, u32::MAX);
        let depth = first.steps().len();
        let rows = self.state.items.range(first..=last);
        let here = rows.filter(|(item, row)| item.steps().len() == depth && states.contains(&row.state));
        here.map(|(item, _)| item.clone()).collect()
    }

    /// Ends the branches that lead only to a join that has run.
    pub(super) fn cancel_feeders(&mut self, join: NodeId, scope: &ScopePath) {
        let plan = self.plan;
        for &feeder in &plan.node(join).feeders {
            self.cancel_node(&(scope.clone(), feeder), CancelCause::JoinDone);
        }
    }

    /// Ends the loop around a break node: the item at once, and the loop once those under way have ended.
    pub(super) fn break_loop(&mut self, place: &Place) {
        let row = NodeRun::new(NodeState::Succeeded, self.state.run.generation);
        self.set_node(place.clone(), row);
        let scope = &place.0;
        let Some(around) = self.loop_of(scope) else { return };
        if let Some(row) = self.state.loops.get_mut(&around) {
            row.closing.get_or_insert(LoopClosing::Ended);
            self.changes.loops.insert(around);
        }
        self.close_scope(scope, CancelCause::Break);
        self.end_item(scope, ItemState::Succeeded, None);
    }
}
