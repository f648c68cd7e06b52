//! Edges, joins and ends of scopes: what follows once a node is decided.

use std::collections::BTreeSet;

use super::{
    Arrived, EdgeId, EdgeRun, ItemState, JoinDecision, NodeId, NodeRun, NodeState, Refusal, RunStatus,
    ScopePath, decide_join, state::Place, step::Stepper,
};
use crate::graph::{Behaviour, PortKind};

/// What a step has still to look at.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// Nodes at which an edge arrived.
    pub(super) arrivals: Vec<Place>,
    /// Scopes in which a node was decided.
    pub(super) scopes: BTreeSet<ScopePath>,
    /// Loops of which an item ended or waits.
    pub(super) loops: BTreeSet<Place>,
}

/// The edges that a decided node takes.
pub(super) enum Leaves<'a> {
    /// None: all that leave it are dead.
    Nowhere,
    /// All that are not for errors.
    Everywhere,
    /// Those of one port.
    By(&'a str),
    /// Those of one port, with the error of the node.
    WithError(&'a str),
}

impl Stepper<'_> {
    pub(super) fn start(&mut self, trigger: NodeId) -> Result<(), Refusal> {
        if self.state.run.status != RunStatus::Queued {
            return Err(Refusal::WrongState);
        }
        let root = ScopePath::root();
        if !self.plan.holds(&root, trigger)
            || self.plan.behaviour(trigger) != Behaviour::Trigger
            || self.plan.node(trigger).disabled
        {
            return Err(Refusal::NoTrigger);
        }
        self.state.run.status = RunStatus::Running;
        self.changes.run = true;
        let plan = self.plan;
        for &node in plan.nodes_of(&root) {
            if node == trigger {
                self.finish(&(root.clone(), node), Leaves::Everywhere);
            } else if plan.inbound(node).is_empty() {
                self.skip(&(root.clone(), node));
            }
        }
        Ok(())
    }

    /// Follows everything that a change leads to, until nothing is left to look at.
    pub(super) fn settle(&mut self) {
        while !self.state.run.status.is_final() {
            if let Some(place) = self.queues.arrivals.pop() {
                self.arrive(&place);
            } else if let Some(scope) = self.queues.scopes.pop_last() {
                self.check_scope(&scope);
            } else if let Some(place) = self.queues.loops.pop_last() {
                self.advance_loop(&place);
            } else {
                return;
            }
        }
    }

    /// Runs or skips an undecided node, if its inbound edges say so.
    fn arrive(&mut self, place: &Place) {
        if self.state.nodes.contains_key(place) || !self.is_open(&place.0) {
            return;
        }
        let inbound = self.plan.inbound(place.1);
        if inbound.is_empty() && !place.0.is_root() {
            return self.run_node(place);
        }
        let mut arrived =
            Arrived { edges: u32::try_from(inbound.len()).unwrap_or(u32::MAX), ..Arrived::default() };
        let mut late = 0;
        for edge in inbound {
            match self.state.edge(&place.0, *edge) {
                Some(EdgeRun { taken: true, late: was_late, .. }) => {
                    arrived.taken += 1;
                    late += u32::from(*was_late);
                }
                Some(_) => arrived.dead += 1,
                None => {}
            }
        }
        let join = self.plan.policy(place.1).join;
        let in_time = Arrived { taken: arrived.taken - late, ..arrived };
        match decide_join(join, arrived) {
            JoinDecision::Wait => {}
            JoinDecision::Skip => self.skip(place),
            JoinDecision::Run => {
                if late > 0 && decide_join(join, in_time) != JoinDecision::Run {
                    self.bring_in_time(place);
                }
                self.run_node(place);
            }
        }
    }

    /// Takes edges that came too late for a node as being in time: it is decided anew after a retry, and needs
    /// them.
    fn bring_in_time(&mut self, place: &Place) {
        for &edge in self.plan.inbound(place.1) {
            let key = (place.0.clone(), edge);
            if let Some(row) = self.state.edges.get_mut(&key).filter(|row| row.late) {
                row.late = false;
                self.changes.edges.insert(key);
            }
        }
    }

    /// Whether a scope still takes decisions.
    fn is_open(&self, scope: &ScopePath) -> bool {
        let is_running = |row: &super::ItemRun| row.state == ItemState::Running;
        scope.is_root() || self.state.items.get(scope).is_some_and(is_running)
    }

    fn run_node(&mut self, place: &Place) {
        let node = self.plan.node(place.1);
        if node.disabled {
            self.pass(place);
        } else {
            match node.shape.behaviour {
                Behaviour::Pass => self.pass(place),
                Behaviour::Break => self.break_loop(place),
                _ => {
                    let round = self.state.loops.get(place).map_or(0, |row| row.next);
                    self.make_ready(place, round);
                }
            }
        }
        if self.plan.policy(place.1).join.cancels_rest() {
            self.cancel_feeders(place.1, &place.0);
        }
    }

    /// Makes the first attempt of a node, or of a round of a while node, ready.
    pub(super) fn make_ready(&mut self, place: &Place, round: u32) {
        let row = NodeRun { attempt: 1, round, ..NodeRun::new(NodeState::Ready, self.state.run.generation) };
        self.set_node(place.clone(), row);
        self.order_start(place);
    }

    /// Lets the input of a node through its first output.
    fn pass(&mut self, place: &Place) {
        let port = self.plan.first_output(place.1);
        let row = NodeRun {
            passed: true,
            port: port.map(str::to_owned),
            ..NodeRun::new(NodeState::Succeeded, self.state.run.generation)
        };
        self.set_node(place.clone(), row);
        self.leave(place, &port.map_or(Leaves::Nowhere, Leaves::By));
    }

    fn skip(&mut self, place: &Place) {
        self.set_node(place.clone(), NodeRun::new(NodeState::Skipped, self.state.run.generation));
        self.leave(place, &Leaves::Nowhere);
    }

    /// Records that a node succeeded, and decides its edges.
    pub(super) fn finish(&mut self, place: &Place, leaves: Leaves<'_>) {
        let mut row = self.row_of(place);
        row.state = NodeState::Succeeded;
        if let Leaves::By(port) = leaves {
            row.port = Some(port.to_owned());
        }
        self.set_node(place.clone(), row);
        self.leave(place, &leaves);
    }

    /// The row of a node, or a new one.
    pub(super) fn row_of(&self, place: &Place) -> NodeRun {
        let new = || NodeRun::new(NodeState::Ready, self.state.run.generation);
        self.state.nodes.get(place).cloned().unwrap_or_else(new)
    }

    /// Decides every edge that leaves a node.
    pub(super) fn leave(&mut self, place: &Place, leaves: &Leaves<'_>) {
        let plan = self.plan;
        for &id in plan.outbound(place.1) {
            let port = plan.edge(id).port.as_str();
            let is_main = || {
                let shape = &plan.node(place.1).shape;
                shape.output(port).is_some_and(|port| port.kind == PortKind::Main)
            };
            let (taken, error) = match leaves {
                Leaves::Nowhere => (false, false),
                Leaves::Everywhere => (is_main(), false),
                Leaves::By(chosen) => (port == *chosen, false),
                Leaves::WithError(chosen) => (port == *chosen, true),
            };
            self.decide_edge(&place.0, id, taken, taken && error);
        }
    }

    /// Decides an edge. A decided edge stays as it is.
    pub(super) fn decide_edge(&mut self, scope: &ScopePath, id: EdgeId, taken: bool, error: bool) {
        let key = (scope.clone(), id);
        if self.state.edges.contains_key(&key) {
            return;
        }
        let target = (scope.clone(), self.plan.edge(id).to);
        let late = taken && self.state.nodes.contains_key(&target);
        self.state.edges.insert(key.clone(), EdgeRun { taken, error, late });
        self.changes.edges.insert(key);
        self.queues.arrivals.push(target);
    }

    /// Ends a scope once all its nodes are decided.
    fn check_scope(&mut self, scope: &ScopePath) {
        let plan = self.plan;
        let nodes = plan.nodes_of(scope);
        if !self.is_open(scope) || !nodes.iter().all(|node| self.state.is_decided(scope, *node)) {
            return;
        }
        let failed = nodes.iter().find_map(|node| {
            let row = self.state.node(scope, *node)?;
            row.is_unhandled_failure().then(|| self.failure_of(*node, row))
        });
        match failed {
            Some(failure) => self.fail_scope(scope, failure),
            None if scope.is_root() => self.end_run(RunStatus::Succeeded, None),
            None => self.end_item(scope, ItemState::Succeeded, None),
        }
    }

    /// Whether an edge leaves a node by a port.
    pub(super) fn has_edge(&self, node: NodeId, port: &str) -> bool {
        self.plan.outbound(node).iter().any(|edge| self.plan.edge(*edge).port == port)
    }
}
