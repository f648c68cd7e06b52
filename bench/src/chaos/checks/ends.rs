//! Checks of how jobs ended.

use atelier_entities::{JobState, jobs};
use atelier_queue::Job;

use super::evidence::{Check, Evidence, describe, unfinished};
use crate::chaos::{
    kinds::{Expiring, Flaky, FlakyBehavior, Poison, flaky_behavior},
    ledger::EntryState,
};

pub(super) fn check(evidence: &Evidence) -> Vec<Check> {
    vec![
        lost(evidence),
        in_doubt(evidence),
        attempts_within_limit(evidence),
        attempts_counted(evidence),
        as_designed(evidence),
        cancelled(evidence),
    ]
}

fn lost(evidence: &Evidence) -> Check {
    let (mut cases, mut breaches) = (0, Vec::new());
    for (id, kind) in evidence.acknowledged() {
        cases += 1;
        breaches.extend(unfinished(id, kind, evidence.jobs.get(&id)));
    }
    Check::new("an acknowledged job ends", cases, breaches)
}

fn in_doubt(evidence: &Evidence) -> Check {
    let mut breaches = Vec::new();
    for batch in &evidence.batches_in_doubt {
        let there = batch.iter().filter(|id| evidence.jobs.contains_key(id)).count();
        if there != 0 && there != batch.len() {
            breaches.push(format!("{there} of {} jobs of one transaction are there", batch.len()));
        }
    }
    // Jobs that exist must end, whether they are children of effects or in doubt.
    let others = evidence.jobs.values().filter(|job| {
        evidence.entries.get(&job.id).is_none_or(|entry| entry.state == EntryState::InDoubt)
            && job.run_at < evidence.now
    });
    let others: Vec<&jobs::Model> = others.collect();
    let cases = evidence.batches_in_doubt.len() + others.len();
    breaches.extend(others.into_iter().filter_map(|job| unfinished(job.id, &job.kind, Some(job))));
    Check::new("a job without acknowledgement is wholly there, and ends, or is not", cases, breaches)
}

fn attempts_within_limit(evidence: &Evidence) -> Check {
    let over = evidence.jobs.values().filter(|job| job.attempt > job.max_attempts);
    Check::new("no job has more attempts than its limit", evidence.jobs.len(), over.map(describe).collect())
}

/// The row's attempts equal the recorded ones plus the one that succeeded: a snooze or a
/// drain counts none.
fn attempts_counted(evidence: &Evidence) -> Check {
    let (mut cases, mut breaches) = (0, Vec::new());
    for job in evidence.ended() {
        cases += 1;
        let recorded = evidence.attempts.get(&job.id).map_or(0, Vec::len);
        let told = recorded + usize::from(job.state == JobState::Succeeded);
        if usize::try_from(job.attempt).ok() != Some(told) {
            breaches.push(format!("{told} attempts are told of: {}", describe(job)));
        }
    }
    Check::new("an attempt is counted once, and never for a snooze or a drain", cases, breaches)
}

fn as_designed(evidence: &Evidence) -> Check {
    let (mut cases, mut breaches) = (0, Vec::new());
    for job in evidence.ended() {
        cases += 1;
        let flaky_behavior = flaky_behavior(job.id, i64::from(job.attempt));
        let spent = job.attempt == job.max_attempts;
        let right = match (job.state, job.kind.as_str()) {
            (JobState::Succeeded, Flaky::KIND) => flaky_behavior == FlakyBehavior::Succeeds,
            (JobState::Succeeded, Poison::KIND) => false,
            (JobState::Succeeded | JobState::Cancelled, _) => true,
            (JobState::Failed, Flaky::KIND) => spent || flaky_behavior == FlakyBehavior::FailsForGood,
            (JobState::Failed, _) => spent,
            _ => false,
        };
        if !right {
            breaches.push(describe(job));
        }
    }
    Check::new("a job ends as its handler says", cases, breaches)
}

fn cancelled(evidence: &Evidence) -> Check {
    let (mut cases, mut breaches) = (0, Vec::new());
    for job in evidence.ended() {
        let entry = evidence.entries.get(&job.id);
        if job.state == JobState::Cancelled {
            cases += 1;
            let expired = job.kind == Expiring::KIND;
            if !expired && entry.is_none_or(|entry| !entry.cancel_asked) {
                breaches.push(format!("nobody asked: {}", describe(job)));
            }
        }
        let Some(granted) = entry.and_then(|entry| entry.cancelled_at) else { continue };
        cases += 1;
        if job.started_at.is_some_and(|claimed| claimed > granted) {
            breaches.push(format!("claimed again after that was granted: {}", describe(job)));
        }
    }
    Check::new("a job is cancelled where that was granted, and only there", cases, breaches)
}
