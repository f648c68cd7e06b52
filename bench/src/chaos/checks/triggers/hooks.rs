//! Checks of calls of webhooks.

use std::collections::HashMap;

use atelier_entities::RunId;
use serde_json::Value;

use crate::chaos::{
    checks::evidence::Check,
    workflows::{Record, Rows},
};

pub(super) fn check(rows: &Rows, record: &Record) -> Vec<Check> {
    let calls = record.list_calls();
    vec![accepted(rows, &calls), started_once(rows, &calls)]
}

fn accepted(rows: &Rows, calls: &[(String, RunId)]) -> Check {
    let lost = calls.iter().filter(|(_, run)| !rows.runs.contains_key(run));
    let breaches = lost.map(|(call, run)| format!("run {run} of call {call} is not there")).collect();
    Check::new("an accepted call of a webhook has its run", calls.len(), breaches)
}

/// A call without an answer may have a run too, but not two.
fn started_once(rows: &Rows, calls: &[(String, RunId)]) -> Check {
    let mut runs: HashMap<&str, Vec<RunId>> = HashMap::new();
    for run in rows.runs.values() {
        let call = run.input.as_ref().and_then(|input| input.pointer("/body/call")).and_then(Value::as_str);
        if let Some(call) = call {
            runs.entry(call).or_default().push(run.id);
        }
    }
    let several = runs.iter().filter(|(_, runs)| runs.len() > 1);
    let mut breaches: Vec<String> =
        several.map(|(call, runs)| format!("{} runs for call {call}", runs.len())).collect();
    for (call, run) in calls {
        if runs.get(call.as_str()).is_some_and(|runs| !runs.contains(run)) {
            breaches.push(format!("call {call} was answered with run {run}, and started another"));
        }
    }
    Check::new("a signed call of a webhook starts one run", runs.len(), breaches)
}
