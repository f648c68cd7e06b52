//! Checks of the effects of ended jobs.

use super::evidence::{Check, Evidence, describe};
use crate::chaos::handlers;

pub(super) fn check(evidence: &Evidence) -> Vec<Check> {
    vec![once(evidence), children(evidence)]
}

fn once(evidence: &Evidence) -> Check {
    let (mut cases, mut breaches) = (0, Vec::new());
    for job in evidence.jobs.values().filter(|job| handlers::has_effect(&job.kind)) {
        cases += 1;
        let applied = evidence.effects.get(&job.id).map_or(&[][..], Vec::as_slice);
        let right = match applied {
            [] => !job.state.is_terminal(),
            [(state, _)] => state == job.state.as_str(),
            _ => false,
        };
        if !right {
            let states: Vec<&str> = applied.iter().map(|(state, _)| state.as_str()).collect();
            breaches.push(format!("effects {states:?}: {}", describe(job)));
        }
    }
    let orphans = evidence.effects.keys().filter(|id| !evidence.jobs.contains_key(id));
    breaches.extend(orphans.map(|id| format!("{id} has effects and is not there")));
    Check::new("the effect of a job's end happens exactly once", cases, breaches)
}

fn children(evidence: &Evidence) -> Check {
    let (mut cases, mut breaches) = (0, Vec::new());
    for (parent, applied) in &evidence.effects {
        for (_, child) in applied {
            cases += 1;
            if !evidence.jobs.contains_key(child) {
                breaches.push(format!("{child}, enqueued by the end of {parent}, is not there"));
            }
        }
    }
    Check::new("what an effect enqueued is there", cases, breaches)
}
