//! What people ask of schedules.

use atelier_automation::schedules::{BackfillInput, PreviewInput, ScheduleChanges, ScheduleFilter};
use atelier_entities::{ClockFold, ClockGap, ScheduleOverlap, TickOutcome, WorkflowId, WorkflowScheduleId};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::workflow::present;
use crate::schema::{IntoParams, ToSchema, sets};

/// Which schedules are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScheduleFilterParams {
    /// Only those of this workflow.
    workflow: Option<Uuid>,
    /// Only those that are paused, or are not.
    paused: Option<bool>,
}

impl From<ScheduleFilterParams> for ScheduleFilter {
    fn from(params: ScheduleFilterParams) -> Self {
        Self { workflow: params.workflow.map(WorkflowId), paused: params.paused }
    }
}

/// Which fire times are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScheduleTickParams {
    /// Only those with this outcome.
    #[param(value_type = Option<sets::TickOutcome>)]
    pub(crate) outcome: Option<TickOutcome>,
}

/// When a schedule fires: by a cron expression, or by an interval. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewScheduleInput {
    /// The workflow that it starts.
    pub(crate) workflow_id: Uuid,
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120, example = "Every morning")]
    name: String,
    /// A cron expression of 5 fields, of 6 with the seconds first, or of 7 with the year last.
    #[schema(max_length = 200, example = "0 8 * * MON-FRI")]
    expression: Option<String>,
    /// The seconds of an interval, in place of an expression.
    #[schema(minimum = 1, maximum = 31_622_400)]
    every_secs: Option<u32>,
    /// Where in the interval it fires: less than every_secs.
    phase_secs: Option<u32>,
    /// The zone of the expression; UTC where it is left out.
    #[schema(example = "Europe/Paris")]
    time_zone: Option<String>,
    /// Times that a change of the clock leaves out. Where it is left out, times of the day are shifted, and
    /// repeated ones are skipped.
    #[schema(value_type = Option<sets::ClockGap>)]
    gap: Option<ClockGap>,
    /// Times that a change of the clock repeats. Where it is left out, times of the day fire the first time, and
    /// repeated ones both times.
    #[schema(value_type = Option<sets::ClockFold>)]
    fold: Option<ClockFold>,
    /// No fire time is before this.
    start_at: Option<DateTime<Utc>>,
    /// All fire times are before this.
    end_at: Option<DateTime<Utc>>,
    /// Each fire time is up to this many seconds later.
    #[schema(maximum = 3600)]
    jitter_secs: Option<u32>,
    /// What becomes of a fire time while a run is under way; skip where it is left out.
    #[schema(value_type = Option<sets::ScheduleOverlap>)]
    overlap: Option<ScheduleOverlap>,
    /// Most fire times that wait, with buffer_all; 100 where it is left out.
    #[schema(minimum = 1, maximum = 1000)]
    buffer_limit: Option<u32>,
    /// Fire times that are later than this many seconds are missed; an hour where it is left out.
    #[schema(minimum = 10, maximum = 31_622_400)]
    catchup_window_secs: Option<u32>,
    /// Most fire times that are made up for at once; 10 where it is left out.
    #[schema(minimum = 1, maximum = 100)]
    catchup_limit: Option<u32>,
    /// Failed runs in a row after which it is paused; never where it is left out.
    #[schema(minimum = 1, maximum = 100)]
    pause_after: Option<u32>,
    /// What its runs begin with: any JSON, at most 63 KiB.
    #[serde(default)]
    input: Value,
}

impl From<NewScheduleInput> for ScheduleChanges {
    fn from(input: NewScheduleInput) -> Self {
        Self {
            name: Some(input.name),
            expression: Some(input.expression),
            every_secs: Some(input.every_secs),
            phase_secs: input.phase_secs,
            time_zone: input.time_zone,
            gap: Some(input.gap),
            fold: Some(input.fold),
            start_at: Some(input.start_at),
            end_at: Some(input.end_at),
            jitter_secs: input.jitter_secs,
            overlap: input.overlap,
            buffer_limit: input.buffer_limit,
            catchup_window_secs: input.catchup_window_secs,
            catchup_limit: input.catchup_limit,
            pause_after: Some(input.pause_after),
            input: Some(input.input),
        }
    }
}

/// What to change of a schedule; what is left out stays. An expression takes the place of an interval, and the
/// other way round. Unknown fields are refused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UpdateScheduleInput {
    /// 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// A cron expression.
    #[schema(max_length = 200)]
    expression: Option<String>,
    /// The seconds of an interval.
    #[schema(minimum = 1, maximum = 31_622_400)]
    every_secs: Option<u32>,
    /// Where in the interval it fires.
    phase_secs: Option<u32>,
    /// The zone of the expression.
    time_zone: Option<String>,
    /// Times that a change of the clock leaves out; null for the default.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<sets::ClockGap>)]
    gap: Option<Option<ClockGap>>,
    /// Times that a change of the clock repeats; null for the default.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<sets::ClockFold>)]
    fold: Option<Option<ClockFold>>,
    /// No fire time is before this; null for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    start_at: Option<Option<DateTime<Utc>>>,
    /// All fire times are before this; null for none.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    end_at: Option<Option<DateTime<Utc>>>,
    /// Each fire time is up to this many seconds later.
    #[schema(maximum = 3600)]
    jitter_secs: Option<u32>,
    /// What becomes of a fire time while a run is under way.
    #[schema(value_type = Option<sets::ScheduleOverlap>)]
    overlap: Option<ScheduleOverlap>,
    /// Most fire times that wait, with buffer_all.
    #[schema(minimum = 1, maximum = 1000)]
    buffer_limit: Option<u32>,
    /// Fire times that are later than this many seconds are missed.
    #[schema(minimum = 10, maximum = 31_622_400)]
    catchup_window_secs: Option<u32>,
    /// Most fire times that are made up for at once.
    #[schema(minimum = 1, maximum = 100)]
    catchup_limit: Option<u32>,
    /// Failed runs in a row after which it is paused; null for never.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
    pause_after: Option<Option<u32>>,
    /// What its runs begin with: any JSON, null too.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Value, required = false)]
    input: Option<Option<Value>>,
}

impl From<UpdateScheduleInput> for ScheduleChanges {
    fn from(input: UpdateScheduleInput) -> Self {
        Self {
            name: input.name,
            expression: input.expression.map(Some),
            every_secs: input.every_secs.map(Some),
            phase_secs: input.phase_secs,
            time_zone: input.time_zone,
            gap: input.gap,
            fold: input.fold,
            start_at: input.start_at,
            end_at: input.end_at,
            jitter_secs: input.jitter_secs,
            overlap: input.overlap,
            buffer_limit: input.buffer_limit,
            catchup_window_secs: input.catchup_window_secs,
            catchup_limit: input.catchup_limit,
            pause_after: input.pause_after,
            input: input.input.map(Option::unwrap_or_default),
        }
    }
}

/// What is previewed. Unknown fields are refused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SchedulePreviewInput {
    /// A cron expression.
    #[schema(max_length = 200, example = "0 8 * * MON-FRI")]
    expression: Option<String>,
    /// The seconds of an interval, in place of an expression.
    #[schema(minimum = 1, maximum = 31_622_400)]
    every_secs: Option<u32>,
    /// Where in the interval it fires.
    phase_secs: Option<u32>,
    /// The zone of the expression; UTC where it is left out.
    time_zone: Option<String>,
    /// Times that a change of the clock leaves out.
    #[schema(value_type = Option<sets::ClockGap>)]
    gap: Option<ClockGap>,
    /// Times that a change of the clock repeats.
    #[schema(value_type = Option<sets::ClockFold>)]
    fold: Option<ClockFold>,
    /// No fire time is before this.
    start_at: Option<DateTime<Utc>>,
    /// All fire times are before this.
    end_at: Option<DateTime<Utc>>,
    /// Each fire time is up to this many seconds later. It is shown for the schedule that is named.
    #[schema(maximum = 3600)]
    jitter_secs: Option<u32>,
    /// The schedule whose jitter is shown.
    schedule_id: Option<Uuid>,
    /// Fire times after this; after now where it is left out.
    after: Option<DateTime<Utc>>,
    /// How many; 5 where it is left out.
    #[schema(minimum = 1, maximum = 100)]
    count: Option<usize>,
}

impl From<SchedulePreviewInput> for PreviewInput {
    fn from(input: SchedulePreviewInput) -> Self {
        let fields = ScheduleChanges {
            expression: Some(input.expression),
            every_secs: Some(input.every_secs),
            phase_secs: input.phase_secs,
            time_zone: input.time_zone,
            gap: Some(input.gap),
            fold: Some(input.fold),
            start_at: Some(input.start_at),
            end_at: Some(input.end_at),
            jitter_secs: input.jitter_secs,
            ..ScheduleChanges::default()
        };
        let schedule = input.schedule_id.map(WorkflowScheduleId);
        Self { fields, schedule, after: input.after, count: input.count.unwrap_or(5) }
    }
}

/// Why a schedule is paused. Unknown fields are refused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PauseScheduleInput {
    /// At most 500 characters.
    #[schema(max_length = 500)]
    pub(crate) reason: Option<String>,
}

/// How a schedule goes on. Unknown fields are refused.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResumeScheduleInput {
    /// Whether the fire times of the pause are made up for, as after a time without schedulers.
    #[serde(default)]
    pub(crate) catch_up: bool,
}

/// A range of the past whose fire times fire now. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackfillScheduleInput {
    /// The first fire time is not before this.
    from: DateTime<Utc>,
    /// The last fire time is before this, which is not in the future.
    to: DateTime<Utc>,
    /// Whether fire times are left out that have a run; true where it is left out.
    only_missing: Option<bool>,
}

impl From<BackfillScheduleInput> for BackfillInput {
    fn from(input: BackfillScheduleInput) -> Self {
        Self { from: input.from, to: input.to, only_missing: input.only_missing.unwrap_or(true) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_takes_a_field_away_and_silence_leaves_it() {
        let read = |json: &str| {
            ScheduleChanges::from(serde_json::from_str::<UpdateScheduleInput>(json).expect("an input"))
        };

        assert_eq!(read("{}"), ScheduleChanges::default());
        let read = read("{\"pause_after\": null, \"end_at\": null, \"input\": null}");
        assert_eq!((read.pause_after, read.end_at, read.input), (Some(None), Some(None), Some(Value::Null)));
    }
}
