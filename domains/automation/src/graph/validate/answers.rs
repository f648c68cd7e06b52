//! Nodes that answer the caller of a webhook: one has to wait, and one answer is enough.

use super::{Scope, View};
use crate::graph::{ERROR, Fault, FaultCode, Graph, Node, WEBHOOK, WEBHOOK_RESPONSE};

pub(super) fn check(view: &View, faults: &mut Vec<Fault>) {
    let waits = view.scopes.first().is_some_and(|scope| scope.graph.nodes.iter().any(waits_for_answer));
    for (_, scope) in view.scopes() {
        if !waits {
            for node in scope.graph.nodes.iter().filter(|node| is_answer(node)) {
                let message = format!(
                    "{} answers, but no webhook of this workflow waits: its response is not answer.",
                    node.key
                );
                faults.push(Fault::error(FaultCode::AnswerWithoutWebhook, message).at_node(&node.key));
            }
        }
        check_twice(scope, faults);
    }
}

fn is_answer(node: &Node) -> bool {
    node.kind == WEBHOOK_RESPONSE && !node.disabled
}

fn waits_for_answer(node: &Node) -> bool {
    let response = node.config.get("response").and_then(|response| response.as_str());
    node.kind == WEBHOOK && !node.disabled && response == Some("answer")
}

/// Whether a node answers, or a node in its body.
fn answers(node: &Node) -> bool {
    is_answer(node) || !node.disabled && node.body.as_deref().is_some_and(has_answer)
}

fn has_answer(graph: &Graph) -> bool {
    graph.nodes.iter().any(answers)
}

/// Faults of nodes that a way leads to from another node that has answered.
fn check_twice(scope: &Scope, faults: &mut Vec<Fault>) {
    let nodes = &scope.graph.nodes;
    let place = |key: &str| nodes.iter().position(|node| node.key == key);
    let mut after = vec![false; nodes.len()];
    // What follows the failure of an answer may answer in its place.
    let edges = scope.graph.edges.iter().filter(|edge| edge.from_port != ERROR);
    let mut open: Vec<usize> = edges
        .filter(|edge| place(&edge.from).is_some_and(|from| answers(&nodes[from])))
        .filter_map(|edge| place(&edge.to))
        .collect();
    while let Some(place) = open.pop() {
        if !std::mem::replace(&mut after[place], true) {
            open.extend(&scope.next[place]);
        }
    }
    for (node, _) in nodes.iter().zip(after).filter(|(node, after)| *after && answers(node)) {
        let message = format!("A node before {} answers the webhook already.", node.key);
        faults.push(Fault::error(FaultCode::AnswerTwice, message).at_node(&node.key));
    }
}
