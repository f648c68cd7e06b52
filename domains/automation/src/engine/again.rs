//! Retries after the end of a run: what failed, and exactly what was not run because of it.

use super::{
    ItemState, LoopClosing, NodeId, NodeRun, NodeState, Refusal, RunStatus, ScopePath, state::Place,
    step::Stepper,
};

/// What of the nodes after a retried one runs again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Downstream {
    /// Those that were skipped or cancelled because of it.
    NotRun,
    /// All, since its result changes.
    All,
}

impl Stepper<'_> {
    pub(super) fn retry_failed(&mut self) -> Result<(), Refusal> {
        if !matches!(self.state.run.status, RunStatus::Failed | RunStatus::TimedOut) {
            return Err(Refusal::NothingToRetry);
        }
        self.reopen_run();
        if self.reopen_scope(&ScopePath::root()) { Ok(()) } else { Err(Refusal::NothingToRetry) }
    }

    pub(super) fn retry_items(&mut self, scope: &ScopePath, node: NodeId) -> Result<(), Refusal> {
        if self.state.run.status != RunStatus::Succeeded {
            return Err(Refusal::WrongState);
        }
        if !self.plan.holds(scope, node) {
            return Err(Refusal::UnknownNode { node: format!("#{}", node.0), scope: scope.clone() });
        }
        let place = (scope.clone(), node);
        if self.state.loops.get(&place).is_none_or(|row| row.failed == 0) {
            return Err(Refusal::NothingToRetry);
        }
        self.reopen_run();
        for item in scope.items() {
            self.reopen_around(&item)?;
        }
        self.reopen_loop(&place, true);
        self.reset_after(&place, Downstream::All);
        Ok(())
    }

    fn reopen_run(&mut self) {
        self.state.run.status = RunStatus::Running;
        self.state.run.failure = None;
        self.state.run.generation += 1;
        self.changes.run = true;
    }

    /// Brings back what failed in a scope, and what was cancelled because of it. Whether there was anything.
    fn reopen_scope(&mut self, scope: &ScopePath) -> bool {
        let is_undone = |row: &NodeRun| {
            row.is_unhandled_failure() || row.cause.is_some_and(super::CancelCause::is_undone_by_retry)
        };
        let nodes = self.plan.nodes_of(scope).iter();
        let seeds: Vec<Place> = nodes
            .filter(|node| self.state.node(scope, **node).is_some_and(is_undone))
            .map(|node| (scope.clone(), *node))
            .collect();
        for place in &seeds {
            let failed =
                self.state.loops.get(place).is_some_and(|row| row.closing == Some(LoopClosing::Failed));
            if !self.reopen_loop(place, failed) {
                self.remove_node(place);
            }
        }
        for place in &seeds {
            self.reset_after(place, Downstream::NotRun);
        }
        !seeds.is_empty()
    }

    /// Queues the items of a loop that were cancelled because of a failure, and where they are asked for also
    /// those that failed. Whether there are any.
    fn reopen_loop(&mut self, place: &Place, with_failed: bool) -> bool {
        let states: &[ItemState] =
            if with_failed { &[ItemState::Failed, ItemState::Cancelled] } else { &[ItemState::Cancelled] };
        let ended = self.items_in(&place.0, place.1, states);
        let mut failed = 0;
        let mut queued = 0;
        for item in ended {
            let Some(row) = self.state.items.get_mut(&item) else { continue };
            if row.state == ItemState::Cancelled
                && !row.cause.is_some_and(super::CancelCause::is_undone_by_retry)
            {
                continue;
            }
            failed += u32::from(row.state == ItemState::Failed);
            queued += 1;
            row.state = ItemState::Queued;
            row.cause = None;
            self.changes.items.insert(item);
        }
        let Some(row) = self.state.loops.get_mut(place).filter(|_| queued > 0) else { return false };
        row.failed = row.failed.saturating_sub(failed);
        row.queued = queued;
        row.closing = row.closing.filter(|closing| *closing != LoopClosing::Failed);
        self.changes.loops.insert(place.clone());
        self.reopen_node(place);
        true
    }

    fn reopen_node(&mut self, place: &Place) {
        let row = NodeRun {
            state: NodeState::Iterating,
            error: None,
            handled: false,
            cause: None,
            port: None,
            ..self.row_of(place)
        };
        self.set_node(place.clone(), row);
        self.queues.loops.insert(place.clone());
    }

    /// Opens an item again in which something is retried, with the loop that it belongs to.
    fn reopen_around(&mut self, item: &ScopePath) -> Result<(), Refusal> {
        let place = self.loop_of(item).ok_or(Refusal::NothingToRetry)?;
        let Some(row) = self.state.items.get_mut(item) else { return Err(Refusal::NothingToRetry) };
        let had_failed = row.state == ItemState::Failed;
        if !had_failed && row.state != ItemState::Succeeded {
            return Err(Refusal::NothingToRetry);
        }
        row.state = ItemState::Running;
        row.failure = None;
        self.changes.items.insert(item.clone());
        if let Some(row) = self.state.loops.get_mut(&place) {
            row.active += 1;
            row.failed = row.failed.saturating_sub(u32::from(had_failed));
            row.closing = row.closing.filter(|closing| *closing != LoopClosing::Failed);
            self.changes.loops.insert(place.clone());
        }
        self.reopen_node(&place);
        self.reset_after(&place, Downstream::All);
        Ok(())
    }

    /// Runs a queued item again, where it failed.
    pub(super) fn restart_item(&mut self, place: &Place, item: &ScopePath) {
        if let Some(row) = self.state.loops.get_mut(place) {
            row.queued = row.queued.saturating_sub(1);
            row.active += 1;
            self.changes.loops.insert(place.clone());
        }
        if let Some(row) = self.state.items.get_mut(item) {
            row.state = ItemState::Running;
            row.failure = None;
            self.changes.items.insert(item.clone());
        }
        self.reopen_scope(item);
        self.queues.scopes.insert(item.clone());
    }

    /// Opens the edges of a retried node, and what has to run again behind them.
    fn reset_after(&mut self, place: &Place, downstream: Downstream) {
        let plan = self.plan;
        let mut open = vec![place.1];
        while let Some(node) = open.pop() {
            for &edge in plan.outbound(node) {
                let key = (place.0.clone(), edge);
                if self.state.edges.remove(&key).is_some() {
                    self.changes.edges.insert(key);
                }
                let target = (place.0.clone(), plan.edge(edge).to);
                let runs_again = self.state.nodes.get(&target).is_some_and(|row| match downstream {
                    Downstream::All => true,
                    Downstream::NotRun => row.state == NodeState::Skipped,
                });
                if runs_again {
                    self.remove_items(&target, downstream);
                    self.remove_node(&target);
                    open.push(target.1);
                }
            }
        }
    }

    /// Makes a node undecided again.
    fn remove_node(&mut self, place: &Place) {
        if let Some(row) = self.state.nodes.remove(place) {
            self.changes.nodes.insert(place.clone());
            self.before.entry(place.clone()).or_insert(Some(row));
        }
        if self.state.waits.remove(place).is_some() {
            self.changes.waits.insert(place.clone());
        }
        self.queues.arrivals.push(place.clone());
    }

    /// Removes the rows of the items of a loop that runs again from its start.
    fn remove_items(&mut self, place: &Place, downstream: Downstream) {
        if downstream != Downstream::All || !self.plan.behaviour(place.1).has_body() {
            return;
        }
        let key = self.plan.key(place.1);
        let depth = place.0.steps().len();
        let is_below = |scope: &ScopePath| {
            scope.is_within(&place.0) && scope.steps().get(depth).is_some_and(|step| step.node == key)
        };
        remove_where(&mut self.state.nodes, &mut self.changes.nodes, |(scope, _)| is_below(scope));
        remove_where(&mut self.state.edges, &mut self.changes.edges, |(scope, _)| is_below(scope));
        remove_where(&mut self.state.waits, &mut self.changes.waits, |(scope, _)| is_below(scope));
        remove_where(&mut self.state.items, &mut self.changes.items, is_below);
        remove_where(&mut self.state.loops, &mut self.changes.loops, |other| {
            other == place || is_below(&other.0)
        });
    }
}

/// Removes the rows of some keys, and notes that they changed.
fn remove_where<K: Clone + Ord, V>(
    rows: &mut std::collections::BTreeMap<K, V>,
    changed: &mut std::collections::BTreeSet<K>,
    matches: impl Fn(&K) -> bool,
) {
    rows.retain(|key, _| {
        let removed = matches(key);
        if removed {
            changed.insert(key.clone());
        }
        !removed
    });
}
