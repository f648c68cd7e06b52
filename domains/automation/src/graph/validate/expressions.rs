//! Expressions that do not parse, and those that name a node whose output may not be there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ReadExpressions, View, flow};
use crate::graph::{Behaviour, Edge, Fault, FaultCode, Join, Node, OnError, PortKind};

pub(super) fn check(view: &View, expressions: &dyn ReadExpressions, faults: &mut Vec<Fault>) {
    let has_cycle = view.scopes.iter().any(|scope| flow::find_cycle(scope).is_some());
    for (index, scope) in view.scopes() {
        for (place, node) in scope.graph.nodes.iter().enumerate() {
            let is_note = view.shape(&node.key).is_some_and(|shape| shape.behaviour == Behaviour::Note);
            if is_note {
                continue;
            }
            let mut texts = Vec::new();
            for (key, value) in &node.config {
                collect(value, format!("/config/{}", escape(key)), &mut texts);
            }
            let mut upstream = None;
            for (pointer, text) in texts {
                match expressions.nodes_in(text) {
                    Err(fault) => {
                        let message =
                            format!("Line {}, column {}: {}", fault.line, fault.column, fault.message);
                        let fault = Fault::error(FaultCode::ExprSyntax, message);
                        faults.push(fault.at_node(&node.key).at_pointer(pointer));
                    }
                    Ok(_) if has_cycle => {}
                    Ok(keys) => {
                        let upstream = upstream.get_or_insert_with(|| Upstream::of(view, index, place));
                        let found = keys.iter().filter_map(|key| upstream.fault(view, node, key));
                        faults
                            .extend(found.map(|fault| fault.at_node(&node.key).at_pointer(pointer.clone())));
                    }
                }
            }
        }
    }
}

/// The texts in a value that hold an expression, with their places.
fn collect<'a>(value: &'a Value, pointer: String, found: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) if text.contains("{{") || text.contains("{%") => found.push((pointer, text)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, format!("{pointer}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                collect(value, format!("{pointer}/{}", escape(key)), found);
            }
        }
        _ => {}
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
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
