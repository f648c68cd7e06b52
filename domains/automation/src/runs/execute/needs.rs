//! Which rows the input and the expressions of an attempt need: a pure function of the plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    engine::{NodeId, Plan, ScopePath},
    graph::{Behaviour, Node, OnError},
};

/// A node in a scope.
pub(super) type Place = (ScopePath, NodeId);

/// The plan, with the nodes that it was made of.
#[derive(Clone, Copy)]
pub(super) struct Flow<'a> {
    pub(super) plan: &'a Plan,
    pub(super) nodes: &'a BTreeMap<&'a str, &'a Node>,
}

impl Flow<'_> {
    /// Whether a node gives its input on without an attempt.
    pub(super) fn passes(&self, node: NodeId) -> bool {
        self.plan.behaviour(node) == Behaviour::Pass
            || self.nodes.get(self.plan.key(node)).is_some_and(|node| node.disabled)
    }

    /// Whether a node runs its body, so that its output is made of its items.
    pub(super) fn iterates(&self, node: NodeId) -> bool {
        self.plan.behaviour(node).has_body() && !self.passes(node)
    }

    /// Whether an edge may carry the error of the node that it leaves.
    pub(super) fn may_carry_error(&self, node: NodeId) -> bool {
        self.plan.policy(node).on_error != OnError::Stop
    }

    /// The nodes of a scope whose outputs are the result of its item: those that nothing follows.
    pub(super) fn last_nodes(&self, scope: &ScopePath) -> Vec<NodeId> {
        let is_last = |node: &NodeId| {
            self.plan.outbound(*node).is_empty() && self.plan.behaviour(*node) != Behaviour::Break
        };
        self.plan.nodes_of(scope).iter().copied().filter(is_last).collect()
    }

    /// The scope in which an expression of `scope` finds a node: its own, or one around it.
    pub(super) fn scope_of(&self, scope: &ScopePath, node: NodeId) -> Option<ScopePath> {
        let mut current = scope.clone();
        loop {
            if self.plan.holds(&current, node) {
                return Some(current);
            }
            current = current.split()?.0;
        }
    }

    /// The loop that a scope is an item of, and the number of the item.
    pub(super) fn loop_of(&self, scope: &ScopePath) -> Option<(Place, u32)> {
        let (outer, step) = scope.split()?;
        Some(((outer, self.plan.find_node(&step.node)?), step.item))
    }

    /// The item of the round before this one.
    pub(super) fn earlier_round(&self, (outer, node): &Place, round: u32) -> Option<ScopePath> {
        Some(outer.item(self.plan.key(*node), round.checked_sub(1)?))
    }
}

/// The rows that an attempt needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Node runs.
    pub(super) nodes: BTreeSet<Place>,
    /// Nodes whose inbound edges have to be known.
    pub(super) targets: BTreeSet<Place>,
    /// Loops whose lists have to be known.
    pub(super) lists: BTreeSet<Place>,
    seen: BTreeSet<(Place, u8)>,
}

/// How many errors on the way from one node to the next show the input of the failed node.
pub(super) const SHOWN_INPUTS: u8 = 1;

impl Needs {
    /// What a node in a scope gives. `errors` is how many errors show what their node had got.
    pub(super) fn add_output(&mut self, flow: Flow<'_>, place: &Place, errors: u8) {
        if !self.seen.insert((place.clone(), errors)) {
            return;
        }
        self.nodes.insert(place.clone());
        if flow.passes(place.1) {
            return self.add_input(flow, place, errors);
        }
        if errors > 0 && flow.may_carry_error(place.1) {
            self.add_input(flow, place, errors - 1);
        }
    }

    /// What arrives at a node in a scope.
    pub(super) fn add_input(&mut self, flow: Flow<'_>, place: &Place, errors: u8) {
        let (scope, node) = place;
        let inbound = flow.plan.inbound(*node);
        if inbound.is_empty() {
            return self.add_item(flow, scope);
        }
        let sources = inbound.iter().map(|edge| flow.plan.ends(*edge).0);
        if inbound.len() > 1 || sources.clone().any(|source| flow.may_carry_error(source)) {
            self.targets.insert(place.clone());
        }
        for source in sources {
            self.add_output(flow, &(scope.clone(), source), errors);
        }
    }

    /// The item that a scope is.
    pub(super) fn add_item(&mut self, flow: Flow<'_>, scope: &ScopePath) {
        let Some((around, item)) = flow.loop_of(scope) else { return };
        match flow.plan.behaviour(around.1) {
            Behaviour::While(_) => self.add_round(flow, &around, item),
            _ => {
                self.lists.insert(around);
            }
        }
    }

    /// What a round of a while node begins with.
    pub(super) fn add_round(&mut self, flow: Flow<'_>, around: &Place, round: u32) {
        match flow.earlier_round(around, round) {
            None => self.add_input(flow, around, SHOWN_INPUTS),
            Some(earlier) => {
                for last in flow.last_nodes(&earlier) {
                    self.add_output(flow, &(earlier.clone(), last), 0);
                }
            }
        }
    }
}
