//! Checks of deliveries of webhooks.

use std::collections::{HashMap, HashSet};

use atelier_entities::{RunId, RunStatus};

use crate::{
    chaos::{
        checks::evidence::Check,
        triggers::{TriggerRows, rows::Delivery},
        workflows::{Record, Rows},
    },
    receiver::Received,
};

/// What the receiver got, by the keys of deliveries.
pub(super) type AllReceived = HashMap<String, Received>;

pub(super) fn check(
    triggers: &TriggerRows,
    rows: &Rows,
    record: &Record,
    received: &AllReceived,
) -> Vec<Check> {
    vec![announced(triggers, rows, record), delivered(triggers, received)]
}

/// A run that was retried may have succeeded several times. Child runs are left out: their parents' ends say
/// enough.
fn announced(triggers: &TriggerRows, rows: &Rows, record: &Record) -> Check {
    let mut deliveries: HashMap<RunId, usize> = HashMap::new();
    for run in triggers.deliveries.iter().filter_map(Delivery::run) {
        *deliveries.entry(run).or_default() += 1;
    }
    let subscribed = record.list_subscribed();
    let (mut cases, mut breaches) = (0, Vec::new());
    for run in rows.runs.values().filter(|run| run.status == RunStatus::Succeeded && run.parent_id.is_none())
    {
        if !subscribed.contains(&run.workflow_id) {
            continue;
        }
        cases += 1;
        let found = deliveries.get(&run.id).copied().unwrap_or(0);
        if found == 0 || (found > 1 && run.generation == 0) {
            breaches.push(format!("{found} deliveries of run {}", run.id));
        }
    }
    Check::new("the success of a subscribed run has one delivery", cases, breaches)
}

fn delivered(triggers: &TriggerRows, received: &AllReceived) -> Check {
    let mut breaches = Vec::new();
    for delivery in &triggers.deliveries {
        let came = received.get(&delivery.key()).is_some_and(|one| one.taken > 0);
        let is_right = match delivery.state.as_str() {
            "succeeded" => came,
            "pending" => delivery.next_at.is_some(),
            _ => false,
        };
        if !is_right {
            let Delivery { event_id, state, attempts, .. } = delivery;
            breaches.push(format!("{event_id} is {state} after {attempts} attempts, and came: {came}"));
        }
    }
    let known: HashSet<String> = triggers.deliveries.iter().map(Delivery::key).collect();
    let unknown = received.keys().filter(|key| !known.contains(*key));
    breaches.extend(unknown.map(|key| format!("{key} came, and is not there")));
    Check::new(
        "a delivery is taken by its receiver, or has a next attempt",
        triggers.deliveries.len(),
        breaches,
    )
}
