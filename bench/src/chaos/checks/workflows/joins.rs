//! Checks of nodes with several inbound edges.

use std::collections::HashMap;

use atelier_entities::{NodeState, RunId};
use serde_json::Value;

use super::{Scope, Scopes, place};
use crate::chaos::{
    checks::evidence::Check,
    workflows::{Rows, rows::GraphNode},
};

pub(super) fn check(scopes: &Scopes<'_>, rows: &Rows) -> Check {
    let mut starts: HashMap<(RunId, &str, &str, i32, i32), usize> = HashMap::new();
    for row in rows.states.iter().filter(|row| row.state == NodeState::Ready) {
        let round = (row.run_id, row.scope.as_str(), row.node.as_str(), row.generation, row.round);
        *starts.entry(round).or_default() += 1;
    }
    let (mut cases, mut breaches) = (0, Vec::new());
    for scope in scopes.ended() {
        for node in &scope.graph.nodes {
            let Some(taken) = count_taken(&scope, &node.key) else { continue };
            let Some(row) = scope.nodes.get(node.key.as_str()) else { continue };
            let at = || place(scope.run.id, scope.path, &node.key);
            cases += 1;
            if !is_right(row.state, taken, needed(node)) {
                breaches.push(format!("{} is {} with {taken:?}", at(), row.state));
            }
            let round = (row.run_id, scope.path, node.key.as_str(), row.generation, row.round);
            let times = starts.get(&round).copied().unwrap_or(0);
            if times > 1 {
                breaches.push(format!("{} ran {times} times", at()));
            }
        }
    }
    Check::new("a join runs once, and as its edges say", cases, breaches)
}

/// How many inbound edges of a node were taken, and how many of them before it ran.
#[derive(Clone, Copy, Debug)]
struct Taken {
    in_all: usize,
    in_time: usize,
}

/// None where the node is no join.
fn count_taken(scope: &Scope<'_>, node: &str) -> Option<Taken> {
    let inbound: Vec<&str> = scope
        .graph
        .edges
        .iter()
        .filter(|(edge, _)| edge.to_node == node)
        .map(|(_, name)| name.as_str())
        .collect();
    if inbound.len() < 2 {
        return None;
    }
    let taken = inbound.iter().filter_map(|name| scope.edges.get(name)).filter(|edge| edge.taken);
    let taken: Vec<bool> = taken.map(|edge| edge.late).collect();
    Some(Taken { in_all: taken.len(), in_time: taken.iter().filter(|late| !**late).count() })
}

/// How many taken edges the node needs.
fn needed(node: &GraphNode) -> usize {
    let join = node.policy.get("join");
    let is_quorum = join.and_then(|join| join.get("mode")).and_then(Value::as_str) == Some("quorum");
    let count = join.and_then(|join| join.get("count")).and_then(Value::as_u64).filter(|_| is_quorum);
    count.map_or(1, |count| usize::try_from(count).unwrap_or(usize::MAX))
}

fn is_right(state: NodeState, taken: Taken, needed: usize) -> bool {
    match state {
        NodeState::Succeeded | NodeState::Failed => taken.in_time >= needed,
        NodeState::Skipped => taken.in_all < needed,
        // Something else ended it before its edges decided.
        _ => true,
    }
}
