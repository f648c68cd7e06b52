//! Checks of limits, of child runs and of waits: by samples, and by the times of the rows.

use std::collections::HashMap;

use atelier_entities::{RunStatus, Timestamp, WorkflowId};
use chrono::TimeDelta;

use crate::chaos::{
    checks::evidence::Check,
    workflows::{Record, Rows, Watch},
};

/// Largest difference between two processes' clocks, which both follow the database's.
const CLOCKS: TimeDelta = TimeDelta::milliseconds(100);

pub(super) fn check(rows: &Rows, record: &Record, watch: Watch) -> Vec<Check> {
    let (limits, children, waits) = (watch.limits, watch.children, watch.waits);
    let (runs, too_many) = overlaps(rows, record);
    let (ended, late) = late_children(rows);
    let all = |sampled: Vec<String>, by_rows: Vec<String>| sampled.into_iter().chain(by_rows).collect();
    vec![
        Check::new(
            "no more runs of a workflow are under way than its limit",
            limits.cases + runs,
            all(limits.breaches, too_many),
        ),
        Check::new(
            "no child of a cancelled run goes on",
            children.cases + ended,
            all(children.breaches, late),
        ),
        Check::new("a wait with a time has a job that wakes it", waits.cases, waits.breaches),
    ]
}

/// Runs of limited workflows, and moments at which too many were under way. A retried run has
/// more than one beginning and is left to the samples.
fn overlaps(rows: &Rows, record: &Record) -> (usize, Vec<String>) {
    let mut changes: HashMap<WorkflowId, Vec<(Timestamp, i64)>> = HashMap::new();
    let mut cases = 0;
    for run in rows.runs.values().filter(|run| run.generation == 0) {
        let is_limited = record.find_flow(run.workflow_id).is_some_and(|flow| flow.limit().is_some());
        let (Some(started), Some(finished)) = (run.started_at, run.finished_at) else { continue };
        if is_limited {
            cases += 1;
            let of_workflow = changes.entry(run.workflow_id).or_default();
            of_workflow.extend([(started, 1), ((finished - CLOCKS).max(started), -1)]);
        }
    }
    let mut breaches = Vec::new();
    for (workflow, mut changes) in changes {
        let Some(limit) = record.find_flow(workflow).and_then(|flow| flow.limit()) else { continue };
        changes.sort_unstable();
        let mut under_way = 0;
        for (at, change) in changes {
            under_way += change;
            if change > 0 && usize::try_from(under_way).is_ok_and(|runs| runs > limit) {
                breaches.push(format!("{under_way} runs of {workflow} were under way at {at}"));
            }
        }
    }
    (cases, breaches)
}

/// Child runs of cancelled runs, and those that ended later than these: one transaction ends them all, at one time.
fn late_children(rows: &Rows) -> (usize, Vec<String>) {
    let (mut cases, mut breaches) = (0, Vec::new());
    for child in rows.runs.values() {
        let parent = child.parent_id.and_then(|id| rows.runs.get(&id));
        let Some(parent) = parent.filter(|parent| parent.status == RunStatus::Cancelled) else { continue };
        let Some(cancelled) = parent.finished_at else { continue };
        cases += 1;
        if child.finished_at.is_none_or(|ended| ended > cancelled) {
            let attempt = child.parent_attempt.as_deref().unwrap_or_default();
            breaches.push(format!(
                "run {} of {attempt} ended at {:?}, its parent {} at {cancelled}",
                child.id, child.finished_at, parent.id
            ));
        }
    }
    (cases, breaches)
}
