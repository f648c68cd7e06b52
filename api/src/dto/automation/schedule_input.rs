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

/// Declares an input with the fields that say when a schedule fires, and further fields.
macro_rules! times_input {
    ($(#[$about:meta])* $name:ident { $($more:tt)* }) => {
        $(#[$about])*
        #[derive(Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            /// A cron expression of 5 fields, of 6 with the seconds first, or of 7 with the year last.
            #[schema(max_length = 200, example = "0 8 * * MON-FRI")]
            expression: Option<String>,
            /// The seconds of an interval, in place of an expression.
            #[schema(minimum = 1, maximum = 31_622_400)]
            every_secs: Option<u32>,
            /// Where in the interval it fires: less than every_secs.
            phase_secs: Option<u32>,
            /// The zone of the expression; UTC where a new schedule leaves it out.
            #[schema(example = "Europe/Paris")]
            time_zone: Option<String>,
            /// Times that a change of the clock leaves out; null for the default: times of the day are shifted,
            /// and repeated ones are skipped.
            #[serde(default, deserialize_with = "present")]
            #[schema(value_type = Option<sets::ClockGap>)]
            gap: Option<Option<ClockGap>>,
            /// Times that a change of the clock repeats; null for the default: times of the day fire the first
            /// time, and repeated ones both times.
            #[serde(default, deserialize_with = "present")]
            #[schema(value_type = Option<sets::ClockFold>)]
            fold: Option<Option<ClockFold>>,
            /// No fire time is before this; null for none.
            #[serde(default, deserialize_with = "present")]
            #[schema(value_type = Option<DateTime<Utc>>)]
            start_at: Option<Option<DateTime<Utc>>>,
            /// All fire times are before this; null for none.
            #[serde(default, deserialize_with = "present")]
            #[schema(value_type = Option<DateTime<Utc>>)]
            end_at: Option<Option<DateTime<Utc>>>,
            /// Each fire time is up to this many seconds later.
            #[schema(maximum = 3600)]
            jitter_secs: Option<u32>,
            $($more)*
        }

        impl $name {
            /// The changes of when a schedule fires.
            fn times(&mut self) -> ScheduleChanges {
                ScheduleChanges {
                    expression: self.expression.take().map(Some),
                    every_secs: self.every_secs.map(Some),
                    phase_secs: self.phase_secs,
                    time_zone: self.time_zone.take(),
                    gap: self.gap,
                    fold: self.fold,
                    start_at: self.start_at,
                    end_at: self.end_at,
                    jitter_secs: self.jitter_secs,
                    ..ScheduleChanges::default()
                }
            }
        }
    };
}

/// Declares an input with all of a schedule but its name, its workflow and its input, and further fields.
macro_rules! schedule_input {
    ($(#[$about:meta])* $name:ident { $($more:tt)* }) => {
        times_input! {
            $(#[$about])*
            $name {
                /// What becomes of a fire time while a run is under way; skip where a new schedule leaves it out.
                #[schema(value_type = Option<sets::ScheduleOverlap>)]
                overlap: Option<ScheduleOverlap>,
                /// Most fire times that wait, with buffer_all; 100 where a new schedule leaves it out.
                #[schema(minimum = 1, maximum = 1000)]
                buffer_limit: Option<u32>,
                /// Fire times that are later than this many seconds are missed; an hour where a new schedule leaves
                /// it out.
                #[schema(minimum = 10, maximum = 31_622_400)]
                catchup_window_secs: Option<u32>,
                /// Most fire times that are made up for at once; 10 where a new schedule leaves it out.
                #[schema(minimum = 1, maximum = 100)]
                catchup_limit: Option<u32>,
                /// Failed runs in a row after which it is paused; null for never.
                #[serde(default, deserialize_with = "present")]
                #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
                pause_after: Option<Option<u32>>,
                $($more)*
            }
        }

        impl $name {
            /// The changes of the fields that all of these inputs have.
            fn changes(&mut self) -> ScheduleChanges {
                ScheduleChanges {
                    overlap: self.overlap,
                    buffer_limit: self.buffer_limit,
                    catchup_window_secs: self.catchup_window_secs,
                    catchup_limit: self.catchup_limit,
                    pause_after: self.pause_after,
                    ..self.times()
                }
            }
        }
    };
}

schedule_input! {
    /// When a schedule fires: by a cron expression, or by an interval. Unknown fields are refused.
    NewScheduleInput {
        /// The workflow that it starts.
        pub(crate) workflow_id: Uuid,
        /// 1 to 120 characters.
        #[schema(min_length = 1, max_length = 120, example = "Every morning")]
        name: String,
        /// What its runs begin with: any JSON, at most 63 KiB.
        #[serde(default)]
        input: Value,
    }
}

impl From<NewScheduleInput> for ScheduleChanges {
    fn from(mut input: NewScheduleInput) -> Self {
        let changes = input.changes();
        Self { name: Some(input.name), input: Some(input.input), ..changes }
    }
}

schedule_input! {
    /// What to change of a schedule; what is left out stays. An expression takes the place of an interval, and the
    /// other way round. Unknown fields are refused.
    UpdateScheduleInput {
        /// 1 to 120 characters.
        #[schema(min_length = 1, max_length = 120)]
        name: Option<String>,
        /// What its runs begin with: any JSON, null too.
        #[serde(default, deserialize_with = "present")]
        #[schema(value_type = Value, required = false)]
        input: Option<Option<Value>>,
    }
}

impl From<UpdateScheduleInput> for ScheduleChanges {
    fn from(mut input: UpdateScheduleInput) -> Self {
        let changes = input.changes();
        Self { name: input.name, input: input.input.map(Option::unwrap_or_default), ..changes }
    }
}

times_input! {
    /// What is previewed. The jitter is shown for the schedule that is named. Unknown fields are refused.
    SchedulePreviewInput {
        /// The schedule whose jitter is shown.
        schedule_id: Option<Uuid>,
        /// Fire times after this; after now where it is left out.
        after: Option<DateTime<Utc>>,
        /// How many; 5 where it is left out.
        #[schema(minimum = 1, maximum = 100)]
        count: Option<usize>,
    }
}

impl From<SchedulePreviewInput> for PreviewInput {
    fn from(mut input: SchedulePreviewInput) -> Self {
        let schedule = input.schedule_id.map(WorkflowScheduleId);
        Self { fields: input.times(), schedule, after: input.after, count: input.count.unwrap_or(5) }
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
