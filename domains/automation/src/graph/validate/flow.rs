//! Cycles, triggers, bodies of loops, and what nothing leads to.

use super::{Scope, View};
use crate::graph::{Fault, FaultCode, Node, node_type::Behaviour};

pub(super) fn check(view: &View, faults: &mut Vec<Fault>) {
    check_triggers(view, faults);
    for (_, scope) in view.scopes() {
        if let Some(path) = find_cycle(scope) {
            let keys: Vec<_> = path.iter().map(|place| scope.graph.nodes[*place].key.as_str()).collect();
            let message = format!("The edges lead in a circle: {}.", keys.join(" > "));
            faults.push(Fault::error(FaultCode::Cycle, message).at_node(keys[0]));
        }
        check_reach(view, scope, faults);
        for node in &scope.graph.nodes {
            check_body(view, scope, node, faults);
        }
    }
}

fn behaviour(view: &View, node: &Node) -> Option<Behaviour> {
    view.shape(&node.key).map(|shape| shape.behaviour)
}

fn check_triggers(view: &View, faults: &mut Vec<Fault>) {
    let mut enabled = 0;
    for (_, scope) in view.scopes() {
        let triggers =
            scope.graph.nodes.iter().filter(|node| behaviour(view, node) == Some(Behaviour::Trigger));
        for trigger in triggers {
            if scope.owner.is_some() {
                let message = format!("The trigger {} lies in a loop, where it never fires.", trigger.key);
                faults.push(Fault::error(FaultCode::TriggerInBody, message).at_node(&trigger.key));
            } else if !trigger.disabled {
                enabled += 1;
            }
        }
    }
    if enabled == 0 {
        faults.push(Fault::error(FaultCode::NoTrigger, "No enabled trigger starts this workflow."));
    }
}

fn check_body(view: &View, scope: &Scope, node: &Node, faults: &mut Vec<Fault>) {
    let Some(behaviour) = behaviour(view, node) else { return };
    let does_something = node.body.as_deref().is_some_and(|body| {
        let kinds = body.nodes.iter().map(|node| view.shape(&node.key).map(|shape| shape.behaviour));
        kinds.into_iter().any(|kind| kind != Some(Behaviour::Note))
    });
    if behaviour.has_body() && !does_something {
        let message = format!("The loop {} has no steps.", node.key);
        faults.push(Fault::error(FaultCode::LoopBodyEmpty, message).at_node(&node.key).at_pointer("/body"));
    }
    if !behaviour.has_body() && node.body.is_some() {
        let message = format!("{} is no loop, but has a body.", node.key);
        faults.push(Fault::error(FaultCode::BodyNotAllowed, message).at_node(&node.key).at_pointer("/body"));
    }
    if behaviour == Behaviour::Break && scope.owner.is_none() {
        let message = format!("{} ends a loop, but lies in none.", node.key);
        faults.push(Fault::error(FaultCode::BreakOutsideLoop, message).at_node(&node.key));
    }
}

/// Warns of nodes that no trigger leads to. In a body each node without an inbound edge begins it.
fn check_reach(view: &View, scope: &Scope, faults: &mut Vec<Fault>) {
    if scope.owner.is_some() {
        return;
    }
    let is_start = |node: &Node| behaviour(view, node) == Some(Behaviour::Trigger);
    let nodes = &scope.graph.nodes;
    let mut reached: Vec<bool> = nodes.iter().map(is_start).collect();
    let mut open: Vec<usize> = (0..nodes.len()).filter(|place| reached[*place]).collect();
    while let Some(place) = open.pop() {
        for &next in &scope.next[place] {
            if !std::mem::replace(&mut reached[next], true) {
                open.push(next);
            }
        }
    }
    for (node, _) in nodes.iter().zip(&reached).filter(|(_, reached)| !**reached) {
        if behaviour(view, node) != Some(Behaviour::Note) {
            let message = format!("No trigger leads to {}, so it never runs.", node.key);
            faults.push(Fault::warning(FaultCode::UnreachableNode, message).at_node(&node.key));
        }
    }
}

/// The nodes of a cycle, the first one repeated at the end.
pub(super) fn find_cycle(scope: &Scope) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; scope.next.len()];
    for start in 0..marks.len() {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::Open;
        let mut path = vec![(start, 0)];
        while let Some((place, edge)) = path.last_mut() {
            let place = *place;
            let Some(&next) = scope.next[place].get(*edge) else {
                marks[place] = Mark::Done;
                path.pop();
                continue;
            };
            *edge += 1;
            match marks[next] {
                Mark::Done => {}
                Mark::New => {
                    marks[next] = Mark::Open;
                    path.push((next, 0));
                }
                Mark::Open => {
                    let from = path.iter().position(|(open, _)| *open == next)?;
                    return Some(path[from..].iter().map(|(open, _)| *open).chain([next]).collect());
                }
            }
        }
    }
    None
}
