//! Checks of when jobs ran.

use std::collections::{BTreeMap, HashSet};

use atelier_entities::{jobs, schedules};
use atelier_queue::Job;
use chrono::TimeDelta;
use sea_orm::{DatabaseConnection, EntityTrait};

use super::evidence::{Check, Evidence, describe};
use crate::chaos::{handlers, kinds::Tick};

/// Largest difference between two processes' clocks, which both follow the database's.
const CLOCKS: TimeDelta = TimeDelta::milliseconds(100);

pub(super) fn check(evidence: &Evidence) -> Vec<Check> {
    vec![not_early(evidence), not_late(evidence), one_of_a_key(evidence)]
}

fn not_early(evidence: &Evidence) -> Check {
    let (mut cases, mut breaches) = (0, Vec::new());
    for job in evidence.jobs.values() {
        let Some(due) = handlers::due(job) else { continue };
        cases += 1;
        if evidence.runs_of(job.id).first().is_some_and(|first| *first < due - CLOCKS) {
            breaches.push(format!("due at {due}: {}", describe(job)));
        }
    }
    Check::new("a delayed job does not start before its time", cases, breaches)
}

fn not_late(evidence: &Evidence) -> Check {
    let expiring = || evidence.jobs.values().filter_map(|job| Some((job, job.expires_at?)));
    let late = expiring().filter(|(job, deadline)| job.started_at.is_some_and(|started| started > *deadline));
    let breaches = late.map(|(job, _)| describe(job)).collect();
    Check::new("a job that expires does not start after that", expiring().count(), breaches)
}

/// Two jobs of one key do not run at the same time.
fn one_of_a_key(evidence: &Evidence) -> Check {
    let mut by_key: BTreeMap<&str, Vec<&jobs::Model>> = BTreeMap::new();
    for job in evidence.jobs.values() {
        if let Some(key) = &job.unique_key {
            by_key.entry(key).or_default().push(job);
        }
    }
    let (mut cases, mut breaches) = (0, Vec::new());
    for jobs in by_key.values_mut() {
        jobs.sort_by_key(|job| (job.finished_at.is_none(), job.finished_at));
        for pair in jobs.windows(2) {
            cases += 1;
            let (Some(ended), Some(began)) = (pair[0].finished_at, evidence.runs_of(pair[1].id).first())
            else {
                continue;
            };
            if *began < ended - CLOCKS {
                breaches.push(format!("began {} early: {} after {}", ended - *began, pair[1].id, pair[0].id));
            }
        }
    }
    Check::new("jobs of one unique key run one after the other", cases, breaches)
}

pub(super) async fn check_schedule(
    evidence: &Evidence,
    direct: &DatabaseConnection,
) -> anyhow::Result<Check> {
    let ticks: Vec<&jobs::Model> = evidence.jobs.values().filter(|job| job.kind == Tick::KIND).collect();
    let moments: HashSet<_> = ticks.iter().filter_map(|job| handlers::moment(&job.args)).collect();
    let mut breaches = Vec::new();
    if moments.len() != ticks.len() {
        breaches.push(format!("{} jobs for {} moments", ticks.len(), moments.len()));
    }
    let rows = schedules::Entity::find().all(direct).await?;
    let next: Vec<_> = rows.iter().filter(|row| row.enabled).map(|row| row.next_run_at).collect();
    if next.len() != 1 || next.iter().any(|next| *next < evidence.now - TimeDelta::seconds(10)) {
        breaches.push(format!("next moments {next:?} at {}", evidence.now));
    }
    Ok(Check::new("a schedule fires once for a moment and has one next", ticks.len() + 1, breaches))
}
