//! Schedules, and what became of their fire times.

use atelier_automation::schedules::{Backfill, Preview, ScheduleReason, ScheduleView, Upcoming};
use atelier_entities::{workflow_schedule_ticks, workflow_schedules};
use atelier_foundation::schedule::Warning;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    dto::page::pages,
    schema::{ToSchema, free::JsonObject, sets},
};

pages! {
    /// A page of schedules.
    WorkflowSchedulePage of WorkflowScheduleView;
    /// A page of fire times.
    ScheduleTickPage of ScheduleTickView;
}

/// What starts runs of a workflow by the clock.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkflowScheduleView {
    /// UUIDv7.
    id: Uuid,
    /// The workflow that it starts.
    workflow_id: Uuid,
    /// Its name.
    name: String,
    /// The cron expression; null for an interval.
    expression: Option<String>,
    /// The seconds of the interval; null for an expression.
    every_secs: Option<i32>,
    /// Where in the interval it fires, in seconds.
    phase_secs: i32,
    /// The zone of the expression.
    time_zone: String,
    /// Times that a change of the clock leaves out; null for the default of the expression.
    #[schema(value_type = Option<sets::ClockGap>)]
    gap: Option<&'static str>,
    /// Times that a change of the clock repeats; null for the default of the expression.
    #[schema(value_type = Option<sets::ClockFold>)]
    fold: Option<&'static str>,
    /// No fire time is before this.
    start_at: Option<DateTime<Utc>>,
    /// All fire times are before this.
    end_at: Option<DateTime<Utc>>,
    /// Each fire time is up to this many seconds later.
    jitter_secs: i32,
    /// What becomes of a fire time while a run is under way.
    #[schema(value_type = sets::ScheduleOverlap)]
    overlap: &'static str,
    /// Most fire times that wait, with buffer_all.
    buffer_limit: i32,
    /// Fire times that are later than this many seconds are missed.
    catchup_window_secs: i32,
    /// Most fire times that are made up for at once.
    catchup_limit: i32,
    /// Failed runs in a row after which it is paused.
    pause_after: Option<i32>,
    /// What its runs begin with.
    input: Value,
    /// Whether it does not fire.
    paused: bool,
    /// Since when.
    paused_at: Option<DateTime<Utc>>,
    /// Who paused it; null where it was paused by itself.
    paused_by: Option<Uuid>,
    /// Why.
    paused_reason: Option<String>,
    /// The newest fire time that was handled.
    last_tick_at: Option<DateTime<Utc>>,
    /// The next fire time; null while it is paused, and after its end.
    next_tick_at: Option<DateTime<Utc>>,
    /// When it fires then, with its jitter.
    next_fire_at: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When a person last changed it.
    updated_at: DateTime<Utc>,
}

impl From<workflow_schedules::Model> for WorkflowScheduleView {
    fn from(row: workflow_schedules::Model) -> Self {
        Self {
            id: row.id.0,
            workflow_id: row.workflow_id.0,
            name: row.name,
            expression: row.expression,
            every_secs: row.every_secs,
            phase_secs: row.phase_secs,
            time_zone: row.time_zone,
            gap: row.gap.map(|gap| gap.as_str()),
            fold: row.fold.map(|fold| fold.as_str()),
            start_at: row.start_at,
            end_at: row.end_at,
            jitter_secs: row.jitter_secs,
            overlap: row.overlap.as_str(),
            buffer_limit: row.buffer_limit,
            catchup_window_secs: row.catchup_window_secs,
            catchup_limit: row.catchup_limit,
            pause_after: row.pause_after,
            input: row.input,
            paused: row.paused_at.is_some(),
            paused_at: row.paused_at,
            paused_by: row.paused_by.map(|user| user.0),
            paused_reason: row.paused_reason,
            last_tick_at: row.last_tick_at,
            next_tick_at: row.next_tick_at.filter(|_| row.next_fire_at.is_some()),
            next_fire_at: row.next_fire_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A schedule with its next fire times.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkflowScheduleDetailView {
    #[serde(flatten)]
    schedule: WorkflowScheduleView,
    /// The next five fire times; none while it is paused.
    upcoming: Vec<FireTimeView>,
    /// What people may read otherwise.
    warnings: Vec<ScheduleWarningView>,
}

impl From<ScheduleView> for WorkflowScheduleDetailView {
    fn from(view: ScheduleView) -> Self {
        Self {
            schedule: view.schedule.into(),
            upcoming: view.upcoming.into_iter().map(FireTimeView::from).collect(),
            warnings: view.warnings.into_iter().map(ScheduleWarningView::from).collect(),
        }
    }
}

/// A fire time.
#[derive(Serialize, ToSchema)]
pub(crate) struct FireTimeView {
    /// The fire time, without jitter.
    at: DateTime<Utc>,
    /// When it fires.
    fires_at: DateTime<Utc>,
    /// The civil time in the zone.
    #[schema(example = "2026-03-08T03:00:00")]
    local: String,
    /// The day of the week in the zone.
    #[schema(example = "Sunday")]
    weekday: String,
    /// The civil time that does not exist on that day, in whose place it fires.
    #[schema(example = "2026-03-08T02:30:00")]
    shifted_from: Option<String>,
}

fn civil(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

impl From<Upcoming> for FireTimeView {
    fn from(time: Upcoming) -> Self {
        Self {
            at: time.at,
            fires_at: time.fires_at,
            local: civil(time.local),
            weekday: time.local.format("%A").to_string(),
            shifted_from: time.shifted_from.map(civil),
        }
    }
}

/// What people may read otherwise in what says when a schedule fires.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduleWarningView {
    /// A stable name.
    #[schema(value_type = sets::ScheduleWarningCode)]
    code: &'static str,
    /// A sentence.
    message: &'static str,
}

impl From<Warning> for ScheduleWarningView {
    fn from(warning: Warning) -> Self {
        Self { code: warning.code(), message: warning.message() }
    }
}

/// When something fires.
#[derive(Serialize, ToSchema)]
pub(crate) struct SchedulePreviewView {
    /// The next fire times.
    upcoming: Vec<FireTimeView>,
    /// What people may read otherwise.
    warnings: Vec<ScheduleWarningView>,
}

impl From<Preview> for SchedulePreviewView {
    fn from(preview: Preview) -> Self {
        Self {
            upcoming: preview.upcoming.into_iter().map(FireTimeView::from).collect(),
            warnings: preview.warnings.into_iter().map(ScheduleWarningView::from).collect(),
        }
    }
}

/// What became of a fire time, or of a range of them.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduleTickView {
    /// The fire time, without jitter; the first one of a range.
    tick_at: DateTime<Utc>,
    /// What became of it.
    #[schema(value_type = sets::TickOutcome)]
    outcome: &'static str,
    /// Where a range of missed ones ends.
    until_at: Option<DateTime<Utc>>,
    /// How many the range has; null where they are more than a thousand, and where it is no range.
    missed: Option<i32>,
    /// The run that it started.
    run_id: Option<Uuid>,
    /// The code of why the workflow did not run.
    reason: Option<String>,
    /// The civil time that does not exist, in whose place it fired.
    shifted_from: Option<String>,
    /// The backfill that it belongs to, or "manual"; null where it came by the clock.
    backfill: Option<String>,
    /// When a scheduler came to it.
    created_at: DateTime<Utc>,
}

impl From<workflow_schedule_ticks::Model> for ScheduleTickView {
    fn from(tick: workflow_schedule_ticks::Model) -> Self {
        Self {
            tick_at: tick.tick_at,
            outcome: tick.outcome.as_str(),
            until_at: tick.until_at,
            missed: tick.missed,
            run_id: tick.run_id.map(|run| run.0),
            reason: tick.reason,
            shifted_from: tick.shifted_from,
            backfill: Some(tick.backfill).filter(|name| !name.is_empty()),
            created_at: tick.created_at,
        }
    }
}

/// Why a schedule starts no run now.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduleReasonView {
    /// Stable name.
    #[schema(value_type = sets::ScheduleReasonCode)]
    code: &'static str,
    /// A sentence for people.
    message: String,
    /// The facts of the sentence.
    #[schema(value_type = Option<JsonObject>)]
    details: Value,
}

impl From<ScheduleReason> for ScheduleReasonView {
    fn from(reason: ScheduleReason) -> Self {
        let ScheduleReason { code, message, details } = reason;
        Self { code: code.as_str(), message, details }
    }
}

/// A backfill that was accepted.
#[derive(Serialize, ToSchema)]
pub(crate) struct BackfillView {
    /// Its name among the fire times.
    backfill: String,
    /// The fire times that wait now, the oldest first.
    times: Vec<DateTime<Utc>>,
    /// How many of the range were left out, since they had a run.
    left_out: usize,
}

impl From<Backfill> for BackfillView {
    fn from(backfill: Backfill) -> Self {
        Self { backfill: backfill.id, times: backfill.times, left_out: backfill.covered }
    }
}
