//! Loops: a window of items, each of which is a scope.

use super::{
    CancelCause, Failure, ItemRun, ItemState, LoopClosing, LoopRun, NodeError, NodeState, ScopePath,
    flow::Leaves, state::Place, step::Stepper,
};
use crate::graph::{Behaviour, node_type::ItemError};

/// The output port of a loop that has ended.
pub(super) const DONE: &str = "done";

/// What a loop does next.
enum Next {
    Wait,
    Item,
    Round,
    End,
}

impl Stepper<'_> {
    /// Begins a loop whose list was evaluated.
    pub(super) fn start_loop(&mut self, place: &Place, count: u32) {
        self.set_loop(place, LoopRun { total: Some(count), ..LoopRun::default() });
        self.set_iterating(place);
    }

    /// Begins the next round of a while node, or ends it.
    pub(super) fn start_round(&mut self, place: &Place, holds: bool) {
        let mut row = self.state.loops.get(place).cloned().unwrap_or_default();
        let next = row.next;
        if let Behaviour::While(rules) = self.plan.behaviour(place.1)
            && holds
            && next >= rules.max_rounds
        {
            let message = format!("The condition still holds after {next} rounds.");
            return self.fail_node(place, NodeError::permanent(NodeError::ROUND_LIMIT, message));
        }
        if !holds {
            row.closing = Some(LoopClosing::Ended);
        }
        self.set_loop(place, row);
        self.set_iterating(place);
        if holds {
            self.start_item(place, next);
        }
    }

    fn set_iterating(&mut self, place: &Place) {
        let mut row = self.row_of(place);
        row.state = NodeState::Iterating;
        row.error = None;
        self.set_node(place.clone(), row);
        self.queues.loops.insert(place.clone());
    }

    pub(super) fn set_loop(&mut self, place: &Place, row: LoopRun) {
        self.state.loops.insert(place.clone(), row);
        self.changes.loops.insert(place.clone());
    }

    /// Starts the items that the window has room for, and ends the loop after the last one.
    pub(super) fn advance_loop(&mut self, place: &Place) {
        let is_iterating = |stepper: &Self| {
            stepper.state.nodes.get(place).is_some_and(|row| row.state == NodeState::Iterating)
        };
        while is_iterating(self) {
            let Some(row) = self.state.loops.get(place) else { return };
            match self.next_of(place, row) {
                Next::Wait => return,
                Next::Item => self.start_next_item(place),
                Next::Round => return self.ask_again(place),
                Next::End => return self.end_loop(place),
            }
        }
    }

    fn next_of(&self, place: &Place, row: &LoopRun) -> Next {
        let is_failed = row.closing == Some(LoopClosing::Failed);
        let has_new = row.closing.is_none() && row.total.is_some_and(|total| row.next < total);
        let has_more = !is_failed && (row.queued > 0 || has_new);
        let has_room = match self.plan.behaviour(place.1) {
            Behaviour::Loop(rules) => {
                let parked = if rules.release_while_waiting { row.parked } else { 0 };
                row.active.saturating_sub(parked) < rules.concurrency
            }
            _ => row.active == 0,
        };
        if has_more && has_room {
            Next::Item
        } else if has_more || row.active > 0 {
            Next::Wait
        } else if row.closing.is_none() && row.total.is_none() {
            Next::Round
        } else {
            Next::End
        }
    }

    fn start_next_item(&mut self, place: &Place) {
        let Some(row) = self.state.loops.get(place) else { return };
        if row.queued == 0 {
            let next = row.next;
            return self.start_item(place, next);
        }
        let queued = self.items_in(&place.0, place.1, &[ItemState::Queued]);
        match queued.first() {
            Some(item) => self.restart_item(place, item),
            None => {
                self.rows_missing = true;
                self.set_loop(place, LoopRun { queued: 0, ..row.clone() });
            }
        }
    }

    fn start_item(&mut self, place: &Place, number: u32) {
        let item = place.0.item(self.plan.key(place.1), number);
        if let Some(row) = self.state.loops.get_mut(place) {
            row.next = number + 1;
            row.active += 1;
            self.changes.loops.insert(place.clone());
        }
        let row = ItemRun { state: ItemState::Running, working: 0, waiting: 0, failure: None, cause: None };
        self.state.items.insert(item.clone(), row);
        self.changes.items.insert(item.clone());
        let plan = self.plan;
        for &node in plan.nodes_of(&item) {
            if plan.inbound(node).is_empty() {
                self.queues.arrivals.push((item.clone(), node));
            }
        }
        self.queues.scopes.insert(item);
    }

    /// Records the end of an item, and what it means for its loop.
    pub(super) fn end_item(&mut self, item: &ScopePath, state: ItemState, failure: Option<Failure>) {
        let Some(place) = self.loop_of(item) else { return };
        if let Some(row) = self.state.items.get_mut(item) {
            row.state = state;
            row.failure = failure;
            self.changes.items.insert(item.clone());
        }
        let rule = match self.plan.behaviour(place.1) {
            Behaviour::Loop(rules) => rules.on_item_error,
            Behaviour::While(rules) => rules.on_item_error,
            _ => ItemError::Stop,
        };
        if let Some(row) = self.state.loops.get_mut(&place) {
            row.active = row.active.saturating_sub(1);
            row.failed += u32::from(state == ItemState::Failed);
            if rule.is_exceeded(row.failed, row.total.unwrap_or(row.next)) {
                row.closing = Some(LoopClosing::Failed);
            }
            self.changes.loops.insert(place.clone());
        }
        self.queues.loops.insert(place);
    }

    /// Counts an item that only waits, or does so no longer.
    pub(super) fn mark_parked(&mut self, item: &ScopePath, is_parked: bool) {
        let Some(place) = self.loop_of(item) else { return };
        if let Some(row) = self.state.loops.get_mut(&place) {
            row.parked = if is_parked { row.parked + 1 } else { row.parked.saturating_sub(1) };
            self.changes.loops.insert(place.clone());
        }
        self.queues.loops.insert(place);
    }

    /// Lets the condition of a while node be evaluated for the next round.
    fn ask_again(&mut self, place: &Place) {
        let round = self.state.loops.get(place).map_or(0, |row| row.next);
        self.make_ready(place, round);
    }

    fn end_loop(&mut self, place: &Place) {
        let Some(row) = self.state.loops.get(place) else { return };
        if row.closing == Some(LoopClosing::Failed) {
            let message = format!("{} items failed.", row.failed);
            self.close_items(place, CancelCause::Failure);
            self.fail_node(place, NodeError::permanent(NodeError::ITEMS_FAILED, message));
        } else {
            self.finish(place, Leaves::By(DONE));
        }
    }
}
