//! Checks that the fire times of schedules are handled once, and that runs overlap only as allowed.

use std::collections::{HashMap, HashSet};

use atelier_entities::{ScheduleOverlap, TickOutcome, Timestamp, WorkflowScheduleId};
use chrono::{DateTime, TimeDelta};
use serde_json::Value;

use crate::chaos::{
    checks::evidence::Check,
    triggers::{
        TriggerRows,
        rows::{Schedule, Tick},
    },
    workflows::{Record, Rows, rows::Run},
};

/// How long faults may keep schedulers from a fire time that was due before a pause.
const LATE: TimeDelta = TimeDelta::seconds(30);

pub(super) fn check(triggers: &TriggerRows, rows: &Rows, record: &Record) -> Vec<Check> {
    vec![handled_once(triggers, record), started_once(triggers, rows), overlaps(triggers)]
}

/// Seconds between two fire times, and where they lie. It is read from the row, not by what fires.
fn interval(schedule: &Schedule) -> Option<(i64, i64)> {
    match (&schedule.expression, schedule.every_secs) {
        (Some(expression), _) => {
            let every = expression.strip_prefix("*/")?.strip_suffix(" * * * * *")?.parse().ok()?;
            Some((every, 0))
        }
        (None, every) => Some((i64::from(every?), i64::from(schedule.phase_secs))),
    }
}

/// The fire times after its creation, up to the newest that was handled.
fn expected(schedule: &Schedule, (every, phase): (i64, i64)) -> Vec<Timestamp> {
    let Some(last) = schedule.last_tick_at else { return Vec::new() };
    let passed = (schedule.created_at.timestamp() - phase).div_euclid(every.max(1));
    let times = (passed + 1..).map_while(|number| DateTime::from_timestamp(number * every + phase, 0));
    times.take_while(|at| *at <= last).collect()
}

fn handled_once(triggers: &TriggerRows, record: &Record) -> Check {
    let mut by_schedule: HashMap<WorkflowScheduleId, Vec<&Tick>> = HashMap::new();
    for tick in &triggers.ticks {
        by_schedule.entry(tick.schedule_id).or_default().push(tick);
    }
    let there: HashSet<_> = triggers.schedules.iter().map(|schedule| schedule.id).collect();
    let lost = record.list_schedules().into_iter().filter(|id| !there.contains(id));
    let mut breaches: Vec<String> = lost.map(|id| format!("schedule {id} is not there")).collect();
    let mut cases = 0;
    for schedule in &triggers.schedules {
        let Some(interval) = interval(schedule) else {
            breaches.push(format!("schedule {} has no interval", schedule.id));
            continue;
        };
        let times = expected(schedule, interval);
        cases += times.len() + 1;
        let ticks = by_schedule.get(&schedule.id).map_or(&[][..], Vec::as_slice);
        breaches.extend(judge(schedule, &times, ticks));
        let newest = schedule.last_tick_at.unwrap_or(schedule.created_at);
        let allowed = LATE + TimeDelta::seconds(interval.0);
        if schedule.paused_at.is_some_and(|paused| paused - newest > allowed) {
            breaches.push(format!(
                "schedule {} did not fire between {newest} and {:?}",
                schedule.id, schedule.paused_at
            ));
        }
    }
    Check::new("each fire time of a schedule has one outcome", cases, breaches)
}

/// Fire times without an outcome and with several, and outcomes of no fire time.
fn judge(schedule: &Schedule, times: &[Timestamp], ticks: &[&Tick]) -> Vec<String> {
    let mut single: HashMap<Timestamp, usize> = HashMap::new();
    let mut ranges: Vec<(Timestamp, Timestamp)> = Vec::new();
    for tick in ticks {
        match tick.until_at {
            Some(until) => ranges.push((tick.tick_at, until)),
            None => *single.entry(tick.tick_at).or_default() += 1,
        }
    }
    let id = schedule.id;
    let mut breaches = Vec::new();
    for at in times {
        let in_ranges = ranges.iter().filter(|(from, until)| from <= at && at < until).count();
        let outcomes = in_ranges + single.remove(at).unwrap_or(0);
        if outcomes != 1 {
            breaches.push(format!("{outcomes} outcomes for {at} of schedule {id}"));
        }
    }
    breaches.extend(single.into_keys().map(|at| format!("schedule {id} does not fire at {at}")));
    let failed = ticks.iter().filter(|tick| tick.outcome == TickOutcome::Failed);
    breaches.extend(failed.map(|tick| {
        let reason = tick.reason.as_deref().unwrap_or_default();
        format!("nothing ran at {} of schedule {id}: {reason}", tick.tick_at)
    }));
    breaches
}

/// The fire time that a run was told.
fn scheduled_at(run: &Run) -> Option<Timestamp> {
    let at = run.input.as_ref()?.get("scheduled_at").and_then(Value::as_str)?;
    at.parse().ok()
}

fn started_once(triggers: &TriggerRows, rows: &Rows) -> Check {
    let mut runs: HashMap<(WorkflowScheduleId, Option<Timestamp>), Vec<&Run>> = HashMap::new();
    let mut cases = 0;
    for run in rows.runs.values() {
        if let Some(schedule) = run.schedule_id {
            cases += 1;
            runs.entry((schedule, scheduled_at(run))).or_default().push(run);
        }
    }
    let mut breaches = Vec::new();
    for tick in triggers.ticks.iter().filter(|tick| tick.outcome == TickOutcome::Started) {
        let found = runs.remove(&(tick.schedule_id, Some(tick.tick_at))).unwrap_or_default();
        let ids: Vec<_> = found.iter().map(|run| run.id).collect();
        if ids.len() != 1 || tick.run_id != ids.first().copied() {
            breaches.push(format!(
                "{} of schedule {} names run {:?}, and started {ids:?}",
                tick.tick_at, tick.schedule_id, tick.run_id
            ));
        }
    }
    let unknown = runs.into_values().flatten();
    breaches.extend(unknown.map(|run| format!("no fire time names run {}", run.id)));
    Check::new("a fire time of a schedule starts its run once", cases, breaches)
}

fn overlaps(triggers: &TriggerRows) -> Check {
    let overlap: HashMap<_, _> =
        triggers.schedules.iter().map(|schedule| (schedule.id, schedule.overlap)).collect();
    let (mut cases, mut breaches) = (0, Vec::new());
    for start in &triggers.starts {
        let overlap = overlap.get(&start.schedule_id).copied();
        if overlap == Some(ScheduleOverlap::AllowAll) {
            continue;
        }
        cases += 1;
        if start.others > 0 {
            let (run, others) = (start.run_id, start.others);
            breaches.push(format!("run {run} began beside {others} others, with {overlap:?}"));
        }
    }
    Check::new("runs of a schedule overlap only as it allows", cases, breaches)
}
