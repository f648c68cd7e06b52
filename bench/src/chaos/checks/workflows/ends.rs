//! Checks of how runs ended.

use std::collections::HashMap;

use atelier_entities::{NodeState, RunId, RunStatus};
use serde_json::Value;

use crate::chaos::{
    checks::evidence::Check,
    workflows::{Record, Rows, RunEntry, rows::Run},
};

/// The failure of a run whose nodes nothing moves.
const ENGINE_STUCK: &str = "ENGINE_STUCK";

pub(super) fn check(rows: &Rows, record: &Record) -> Vec<Check> {
    let entries = record.list_runs();
    vec![
        accepted(rows, &entries),
        allowed(rows, record, &entries),
        stuck(rows),
        gives(rows, record),
        started_once(rows),
        no_job_left(rows),
        Check::new("whoever runs workflows is answered in the end", entries.len(), record.gave_up()),
    ]
}

fn accepted(rows: &Rows, entries: &HashMap<RunId, RunEntry>) -> Check {
    let missing = entries.keys().filter(|id| !rows.runs.contains_key(id));
    let mut breaches: Vec<String> = missing.map(|id| format!("run {id} is not there")).collect();
    let open = rows.runs.values().filter(|run| !run.status.is_final());
    breaches.extend(open.map(|run| format!("run {} is {}", run.id, run.status)));
    Check::new("an accepted run ends", rows.runs.len().max(entries.len()), breaches)
}

fn allowed(rows: &Rows, record: &Record, entries: &HashMap<RunId, RunEntry>) -> Check {
    let (mut cases, mut breaches) = (0, Vec::new());
    for run in rows.runs.values() {
        let Some(flow) = record.find_flow(run.workflow_id).filter(|_| run.status.is_final()) else {
            continue;
        };
        let entry = entries.get(&run.id).copied().unwrap_or_default();
        let parent = run.parent_id.and_then(|id| rows.runs.get(&id));
        let is_right = match run.status {
            RunStatus::Cancelled => {
                let with_parent = parent.is_some_and(|parent| parent.status == RunStatus::Cancelled);
                entry.cancel_asked || flow.cancels_older() || with_parent
            }
            RunStatus::Failed => !entry.cancelled && failure_of(run) == flow.failure(),
            RunStatus::Succeeded => !entry.cancelled,
            _ => false,
        };
        cases += 1;
        if !is_right {
            let failure = run.failure.as_ref().map(Value::to_string).unwrap_or_default();
            breaches.push(format!("run {} of {flow:?} is {} {failure} after {entry:?}", run.id, run.status));
        }
    }
    Check::new("a run ends as its graph and its people say", cases, breaches)
}

fn failure_of(run: &Run) -> Option<&str> {
    run.failure.as_ref()?.get("code")?.as_str()
}

fn stuck(rows: &Rows) -> Check {
    let stuck = rows.runs.values().filter(|run| failure_of(run) == Some(ENGINE_STUCK));
    let breaches = stuck.map(|run| format!("run {}", run.id)).collect();
    Check::new("no run has nodes that nothing moves", rows.runs.len(), breaches)
}

/// Also that results of loops are complete and in the order of their items.
fn gives(rows: &Rows, record: &Record) -> Check {
    let (mut cases, mut breaches) = (0, Vec::new());
    let reports = rows.nodes.iter().filter(|node| node.scope.is_empty() && node.node == "report");
    for node in reports.filter(|node| node.state == NodeState::Succeeded) {
        let Some(run) = rows.runs.get(&node.run_id) else { continue };
        let flow = record.find_flow(run.workflow_id);
        let Some(expected) = flow.zip(run.input.as_ref()).and_then(|(flow, input)| flow.report(input)) else {
            continue;
        };
        cases += 1;
        if node.output.as_ref() != Some(&expected) {
            let given = node.output.as_ref().map(Value::to_string).unwrap_or_default();
            breaches.push(format!("run {} gave {given}, not {expected}", run.id));
        }
    }
    Check::new("a run gives what its graph says", cases, breaches)
}

fn started_once(rows: &Rows) -> Check {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for run in rows.runs.values() {
        if let Some(asked) = run.input.as_ref().and_then(|input| input.get("ask")?.as_str()) {
            *times.entry(asked).or_default() += 1;
        }
    }
    let again = times.iter().filter(|(_, times)| **times > 1);
    let breaches = again.map(|(asked, times)| format!("{times} runs for the request {asked}")).collect();
    Check::new("a run is started once for one Idempotency-Key", times.len(), breaches)
}

fn no_job_left(rows: &Rows) -> Check {
    let left = rows.jobs.iter().filter(|job| !job.state.is_terminal());
    let breaches = left.map(|job| format!("{} {} is {}", job.kind, job.id, job.state)).collect();
    Check::new("no job of a workflow is left", rows.jobs.len(), breaches)
}
