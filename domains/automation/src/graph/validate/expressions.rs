//! Expressions that do not parse, and those that name a node whose output may not be there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{View, flow};
use crate::{
    expression::{ExpressionError, Parameter},
    graph::{Behaviour, Edge, Fault, FaultCode, Join, Node, OnError, PortKind},
};

pub(super) fn check(view: &View, faults: &mut Vec<Fault>) {
    let has_cycle = view.scopes.iter().any(|scope| flow::find_cycle(scope).is_some());
    for (index, scope) in view.scopes() {
        for (place, node) in scope.graph.nodes.iter().enumerate() {
            let is_note = view.shape(&node.key).is_some_and(|shape| shape.behaviour == Behaviour::Note);
            if is_note {
                continue;
            }
            match Parameter::parse(&Value::Object(node.config.clone())) {
                Err(found) => faults.extend(found.iter().map(|error| syntax_fault(node, error))),
                Ok(_) if has_cycle => {}
                Ok(parameter) => {
                    check_references(&parameter, node, || Upstream::of(view, index, place), view, faults);
                }
            }
        }
    }
}

fn syntax_fault(node: &Node, error: &ExpressionError) -> Fault {
    let message = match error.place {
        Some(place) => format!("Line {}, column {}: {}", place.line, place.column, error.fault),
        None => error.fault.to_string(),
    };
    Fault::error(FaultCode::ExprSyntax, message)
        .at_node(&node.key)
        .at_pointer(format!("/config{}", error.pointer))
}

/// Each node is reported once for each text that names it.
fn check_references(
    parameter: &Parameter,
    node: &Node,
    upstream: impl Fn() -> Upstream,
    view: &View,
    faults: &mut Vec<Fault>,
) {
    let references = parameter.references();
    let named: BTreeSet<(&str, &str)> = references
        .iter()
        .filter_map(|reference| Some((reference.pointer.as_str(), reference.node()?)))
        .collect();
    if named.is_empty() {
        return;
    }
    let upstream = upstream();
    for (pointer, key) in named {
        let fault = upstream.fault(view, node, key);
        faults.extend(fault.map(|fault| fault.at_node(&node.key).at_pointer(format!("/config{pointer}"))));
    }
}

/// What may and what must have run before a node.
struct Upstream {
    may: BTreeSet<String>,
    must: BTreeSet<String>,
}

impl Upstream {
    /// What is upstream of a node: in its own scope, and of the loops around it.
    fn of(view: &View, scope: usize, place: usize) -> Self {
        let mut found = Self { may: BTreeSet::new(), must: BTreeSet::new() };
        let (mut scope, mut place) = (scope, place);
        loop {
            found.add(view, scope, place);
            let (Some(owner), Some(outer)) = (view.scopes[scope].owner, view.scopes[scope].outer) else {
                return found;
            };
            let Some(next) = view.place(outer, &owner.key) else { return found };
            (scope, place) = (outer, next);
        }
    }

    fn add(&mut self, view: &View, scope: usize, place: usize) {
        let nodes = &view.scopes[scope].graph.nodes;
        let order = ancestors(view, scope, place);
        let mut implied: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); nodes.len()];
        for &at in order.iter().chain([&place]) {
            let sources = sources(view, scope, at);
            let mut sets = sources.iter().map(|&from| {
                let mut set = implied[from].clone();
                set.insert(from);
                set
            });
            let first = sets.next().unwrap_or_default();
            implied[at] = sets.fold(first, |all, set| all.intersection(&set).copied().collect());
        }
        let mut must = std::mem::take(&mut implied[place]);
        if order.iter().chain([&place]).all(|&at| nodes[at].policy.join == Join::All) {
            for &at in &order {
                let runs = view.scopes[scope].inbound[at].iter().any(|&edge| {
                    let edge = &view.scopes[scope].graph.edges[edge];
                    view.place(scope, &edge.from)
                        .is_some_and(|from| must.contains(&from) && is_always_taken(view, &nodes[from], edge))
                });
                if runs {
                    must.insert(at);
                }
            }
        }
        self.may.extend(order.iter().map(|&at| nodes[at].key.clone()));
        self.must.extend(must.iter().map(|&at| nodes[at].key.clone()));
    }

    fn fault(&self, view: &View, node: &Node, key: &str) -> Option<Fault> {
        if !view.homes.contains_key(key) {
            return Some(Fault::error(FaultCode::ExprUnknownNode, format!("There is no node {key}.")));
        }
        if !self.may.contains(key) {
            let message = format!("{key} cannot have run before {}.", node.key);
            return Some(Fault::error(FaultCode::ExprNotUpstream, message));
        }
        (!self.must.contains(key)).then(|| {
            let message = format!("{key} may have been skipped when {} runs.", node.key);
            Fault::warning(FaultCode::ExprMaybeSkipped, message)
        })
    }
}

/// Whether an edge is taken whenever its source has run and the scope goes on.
fn is_always_taken(view: &View, source: &Node, edge: &Edge) -> bool {
    let Some(shape) = view.shape(&source.key) else { return false };
    let mains = shape.outputs.iter().filter(|port| port.kind == PortKind::Main).count();
    let is_main = shape.output(&edge.from_port).is_some_and(|port| port.kind == PortKind::Main);
    is_main && mains == 1 && source.policy.on_error != OnError::ErrorBranch
}

fn sources(view: &View, scope: usize, place: usize) -> Vec<usize> {
    let scope_view = &view.scopes[scope];
    let edges = scope_view.inbound[place].iter().map(|&edge| &scope_view.graph.edges[edge].from);
    edges.filter_map(|from| view.place(scope, from)).collect()
}

/// The nodes upstream of one in its scope, each after those upstream of itself.
fn ancestors(view: &View, scope: usize, place: usize) -> Vec<usize> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::from([place]);
    let mut path = vec![(place, sources(view, scope, place))];
    while let Some((at, open)) = path.last_mut() {
        match open.pop() {
            Some(source) if seen.insert(source) => path.push((source, sources(view, scope, source))),
            Some(_) => {}
            None => {
                order.push(*at);
                path.pop();
            }
        }
    }
    order.pop();
    order
}
