//! Checks that what a node does to its run happens once.

use std::collections::{HashMap, HashSet};

use atelier_entities::{JobState, NodeState, RunId};
use serde_json::Value;

use super::place;
use crate::chaos::{
    checks::evidence::Check,
    workflows::{Rows, rows::NodeJob},
};

/// With what the unique key of the job of an attempt begins.
const ATTEMPT_KEY: &str = "node:";

pub(super) fn check(rows: &Rows) -> Vec<Check> {
    vec![ends(rows), effects(rows), failed_attempts(rows)]
}

/// A node of a run in one round and one generation.
type Round<'a> = (RunId, &'a str, &'a str, i32, i32);

/// A loop that is retried goes on after its end, in another generation of its run.
fn ends(rows: &Rows) -> Check {
    let mut ends: HashMap<(Round<'_>, i32), Vec<NodeState>> = HashMap::new();
    let (mut seen, mut breaches) = (HashSet::new(), Vec::new());
    for row in &rows.states {
        let round: Round<'_> = (row.run_id, &row.scope, &row.node, row.generation, row.round);
        if row.state.is_final() {
            seen.insert((round, row.state.as_str()));
            ends.entry((round, row.run_generation)).or_default().push(row.state);
        } else if row.was.is_some_and(NodeState::is_final) && row.state != NodeState::Iterating {
            let place = place(row.run_id, &row.scope, &row.node);
            breaches.push(format!("{place} became {} after its end", row.state));
        }
    }
    for ((round, _), states) in &ends {
        if states.len() > 1 {
            breaches.push(format!(
                "{} ended {} times: {states:?}",
                place(round.0, round.1, round.2),
                states.len()
            ));
        }
    }
    for node in rows.nodes.iter().filter(|node| node.state.is_final()) {
        let round: Round<'_> = (node.run_id, &node.scope, &node.node, node.generation, node.round);
        if !seen.contains(&(round, node.state.as_str())) {
            breaches.push(format!("{} ended unseen", place(node.run_id, &node.scope, &node.node)));
        }
    }
    Check::new("a node of a run ends once", ends.len(), breaches)
}

/// Whether the end of a job changed its run: one that found its run paused did nothing.
fn has_effect(job: &NodeJob) -> bool {
    let outcome = job.result.as_ref().and_then(|result| result.get("outcome")).and_then(Value::as_str);
    match job.state {
        JobState::Succeeded => outcome != Some("held"),
        state => state == JobState::Failed,
    }
}

fn effects(rows: &Rows) -> Check {
    let mut effects: HashMap<&str, usize> = HashMap::new();
    for job in rows.jobs.iter().filter(|job| has_effect(job)) {
        let key = job.unique_key.as_deref().and_then(|key| key.strip_prefix(ATTEMPT_KEY));
        if let Some(key) = key {
            *effects.entry(key).or_default() += 1;
        }
    }
    let again = effects.iter().filter(|(_, times)| **times > 1);
    let breaches = again.map(|(key, times)| format!("{times} jobs ended the attempt {key}")).collect();
    Check::new("an attempt of a node has one effect", effects.len(), breaches)
}

fn failed_attempts(rows: &Rows) -> Check {
    let mut failed: HashMap<Round<'_>, Vec<i32>> = HashMap::new();
    for row in &rows.attempts {
        let round: Round<'_> = (row.run_id, &row.scope, &row.node, row.generation, row.round);
        failed.entry(round).or_default().push(row.attempt);
    }
    let (mut cases, mut breaches) = (0, Vec::new());
    for node in rows.nodes.iter().filter(|node| node.state == NodeState::Succeeded && node.attempt > 0) {
        let round: Round<'_> = (node.run_id, &node.scope, &node.node, node.generation, node.round);
        let mut attempts = failed.remove(&round).unwrap_or_default();
        attempts.sort_unstable();
        cases += 1;
        if !attempts.iter().copied().eq(1..node.attempt) {
            let place = place(node.run_id, &node.scope, &node.node);
            breaches.push(format!("{place} succeeded in attempt {} after {attempts:?}", node.attempt));
        }
    }
    Check::new("each failed attempt of a node is recorded once", cases, breaches)
}
