//! Which rows an input, an output or a result is made of: a pure function of the plan.

use std::collections::BTreeSet;

use crate::{
    engine::{Plan, ScopePath},
    graph::Behaviour,
    runs::store::Place,
};

/// How many errors on the way from one node to the next show the input of the failed node.
pub(super) const SHOWN_INPUTS: u8 = 1;

/// The rows that something is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Node runs.
    pub(super) nodes: BTreeSet<Place>,
    /// Nodes whose inbound edges have to be known.
    pub(super) targets: BTreeSet<Place>,
    /// Loops whose lists have to be known.
    pub(super) lists: BTreeSet<Place>,
    open: Vec<Want>,
    seen: BTreeSet<Want>,
}

/// What rows are looked for. The number is how many errors show what their node had got.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Want {
    Output(Place, u8),
    Input(Place, u8),
    Item(ScopePath),
}

impl Needs {
    /// What a node in a scope gives.
    pub(crate) fn add_output(&mut self, plan: &Plan, place: &Place) {
        self.add(plan, [Want::Output(place.clone(), SHOWN_INPUTS)]);
    }

    /// What arrives at a node in a scope, and the row of the node.
    pub(crate) fn add_input(&mut self, plan: &Plan, place: &Place) {
        self.nodes.insert(place.clone());
        self.add(plan, [Want::Input(place.clone(), SHOWN_INPUTS)]);
    }

    /// The edges that lead to a node in a scope, and the row of the node.
    pub(crate) fn add_edges(&mut self, place: &Place) {
        self.nodes.insert(place.clone());
        self.targets.insert(place.clone());
    }

    /// The item that a scope is.
    pub(crate) fn add_item(&mut self, plan: &Plan, scope: &ScopePath) {
        self.add(plan, [Want::Item(scope.clone())]);
    }

    /// What a round of a while node begins with: what the round before gave, or the input of the node.
    pub(crate) fn add_round(&mut self, plan: &Plan, around: &Place, round: u32) {
        self.add(plan, [Want::Item(around.0.item(plan.key(around.1), round))]);
    }

    /// The list of a loop.
    pub(crate) fn add_list(&mut self, around: Place) {
        self.lists.insert(around);
    }

    /// What a scope gives: an item, or the run.
    pub(crate) fn add_result(&mut self, plan: &Plan, scope: &ScopePath) {
        let last = plan.last_nodes(scope).into_iter();
        self.add(plan, last.map(|node| Want::Output((scope.clone(), node), 0)));
    }

    /// Follows what is looked for, until all rows are named. A long chain of rounds needs no deep calls.
    fn add(&mut self, plan: &Plan, wants: impl IntoIterator<Item = Want>) {
        self.open.extend(wants);
        while let Some(want) = self.open.pop() {
            if self.seen.insert(want.clone()) {
                self.follow(plan, want);
            }
        }
    }

    fn follow(&mut self, plan: &Plan, want: Want) {
        match want {
            Want::Output(place, errors) => {
                self.nodes.insert(place.clone());
                if plan.passes(place.1) {
                    self.open.push(Want::Input(place, errors));
                } else if errors > 0 && plan.may_carry_error(place.1) {
                    self.open.push(Want::Input(place, errors - 1));
                }
            }
            Want::Input((scope, node), errors) => {
                let inbound = plan.inbound(node);
                if inbound.is_empty() {
                    return self.open.push(Want::Item(scope));
                }
                self.nodes.insert((scope.clone(), node));
                let sources = inbound.iter().map(|edge| plan.ends(*edge).0);
                if inbound.len() > 1 || sources.clone().any(|source| plan.may_carry_error(source)) {
                    self.targets.insert((scope.clone(), node));
                }
                self.open.extend(sources.map(|source| Want::Output((scope.clone(), source), errors)));
            }
            Want::Item(scope) => {
                let Some((around, item)) = plan.loop_of(&scope) else { return };
                match (plan.behaviour(around.1), item.checked_sub(1)) {
                    (Behaviour::While(_), None) => self.open.push(Want::Input(around, SHOWN_INPUTS)),
                    (Behaviour::While(_), Some(earlier)) => {
                        let earlier = around.0.item(plan.key(around.1), earlier);
                        let last = plan.last_nodes(&earlier).into_iter();
                        self.open.extend(last.map(|node| Want::Output((earlier.clone(), node), 0)));
                    }
                    _ => {
                        self.lists.insert(around);
                    }
                }
            }
        }
    }
}
