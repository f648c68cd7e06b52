//! What people say of a schedule, and when it fires.

use std::str::FromStr;

use atelier_entities::{ClockFold, ClockGap, ScheduleOverlap, Timestamp, to_micros, workflow_schedules};
use atelier_foundation::{
    FieldErrors,
    schedule::{CatchUp, Expression, Fold, Gap, Spec, When},
    validation,
};
use chrono::TimeDelta;
use chrono_tz::Tz;
use sea_orm::ActiveValue::Set;
use serde_json::Value;

use crate::runs::MAX_INLINE_BYTES;

/// Maximum length of a name, in characters.
pub const MAX_NAME: usize = 120;
/// The longest interval, in seconds: a year.
pub const MAX_EVERY_SECS: u32 = 366 * 24 * 60 * 60;
/// The largest jitter, in seconds: an hour.
pub const MAX_JITTER_SECS: u32 = 60 * 60;
/// Most fire times of a schedule that wait.
pub const MAX_BUFFERED: u32 = 1_000;
/// The shortest catch-up window, in seconds: schedulers need a moment.
pub const MIN_CATCHUP_SECS: u32 = 10;
/// The longest catch-up window, in seconds: a year.
pub const MAX_CATCHUP_SECS: u32 = 366 * 24 * 60 * 60;
/// Most fire times that are made up for at once.
pub const MAX_CAUGHT_UP: u32 = 100;
/// The largest number of failed runs in a row after which a schedule is paused.
pub const MAX_FAILURES: u32 = 100;
/// Most bytes of the input of its runs, as JSON: 64 KiB.
pub const MAX_INPUT_BYTES: usize = MAX_INLINE_BYTES - 1_024;

/// All that people say of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields {
    /// 1 to [`MAX_NAME`] characters.
    pub name: String,
    /// A cron expression; none for an interval.
    pub expression: Option<String>,
    /// The seconds of an interval, 1 to [`MAX_EVERY_SECS`]; none for an expression.
    pub every_secs: Option<u32>,
    /// Where in the interval it fires.
    pub phase_secs: u32,
    /// The zone of the expression.
    pub time_zone: String,
    /// Times that a change of the clock leaves out.
    pub gap: Option<ClockGap>,
    /// Times that a change of the clock repeats.
    pub fold: Option<ClockFold>,
    /// No fire time is before this.
    pub start_at: Option<Timestamp>,
    /// All fire times are before this.
    pub end_at: Option<Timestamp>,
    /// Each fire time is up to this much later.
    pub jitter_secs: u32,
    /// What becomes of a fire time while a run is under way.
    pub overlap: ScheduleOverlap,
    /// Most fire times that wait, with `buffer_all`.
    pub buffer_limit: u32,
    /// Fire times that are later than this are missed.
    pub catchup_window_secs: u32,
    /// Most fire times that are made up for at once.
    pub catchup_limit: u32,
    /// Failed runs in a row after which it is paused.
    pub pause_after: Option<u32>,
    /// What its runs begin with.
    pub input: Value,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            name: String::new(),
            expression: None,
            every_secs: None,
            phase_secs: 0,
            time_zone: "UTC".to_owned(),
            gap: None,
            fold: None,
            start_at: None,
            end_at: None,
            jitter_secs: 0,
            overlap: ScheduleOverlap::Skip,
            buffer_limit: 100,
            catchup_window_secs: 60 * 60,
            catchup_limit: 10,
            pause_after: None,
            input: Value::Null,
        }
    }
}

/// Changes of a schedule. A field that is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of Fields")]
pub struct ScheduleChanges {
    pub name: Option<String>,
    /// An expression takes the place of an interval.
    pub expression: Option<Option<String>>,
    /// An interval takes the place of an expression.
    pub every_secs: Option<Option<u32>>,
    pub phase_secs: Option<u32>,
    pub time_zone: Option<String>,
    pub gap: Option<Option<ClockGap>>,
    pub fold: Option<Option<ClockFold>>,
    pub start_at: Option<Option<Timestamp>>,
    pub end_at: Option<Option<Timestamp>>,
    pub jitter_secs: Option<u32>,
    pub overlap: Option<ScheduleOverlap>,
    pub buffer_limit: Option<u32>,
    pub catchup_window_secs: Option<u32>,
    pub catchup_limit: Option<u32>,
    pub pause_after: Option<Option<u32>>,
    pub input: Option<Value>,
}

impl ScheduleChanges {
    /// The fields as they are after the changes.
    #[must_use]
    pub fn apply(self, to: Fields) -> Fields {
        let takes_interval = self.every_secs.flatten().is_some() && self.expression.is_none();
        let takes_expression =
            self.expression.as_ref().is_some_and(Option::is_some) && self.every_secs.is_none();
        let expression = if takes_interval { None } else { self.expression.unwrap_or(to.expression) };
        let (every_secs, phase_secs) = if takes_expression {
            (None, self.phase_secs.unwrap_or_default())
        } else {
            (self.every_secs.unwrap_or(to.every_secs), self.phase_secs.unwrap_or(to.phase_secs))
        };
        Fields {
            name: self.name.unwrap_or(to.name),
            expression,
            every_secs,
            phase_secs,
            time_zone: self.time_zone.unwrap_or(to.time_zone),
            gap: self.gap.unwrap_or(to.gap),
            fold: self.fold.unwrap_or(to.fold),
            start_at: self.start_at.unwrap_or(to.start_at),
            end_at: self.end_at.unwrap_or(to.end_at),
            jitter_secs: self.jitter_secs.unwrap_or(to.jitter_secs),
            overlap: self.overlap.unwrap_or(to.overlap),
            buffer_limit: self.buffer_limit.unwrap_or(to.buffer_limit),
            catchup_window_secs: self.catchup_window_secs.unwrap_or(to.catchup_window_secs),
            catchup_limit: self.catchup_limit.unwrap_or(to.catchup_limit),
            pause_after: self.pause_after.unwrap_or(to.pause_after),
            input: self.input.unwrap_or(to.input),
        }
    }
}

impl Fields {
    /// The fields of a row.
    #[must_use]
    pub fn of(row: &workflow_schedules::Model) -> Self {
        Self {
            name: row.name.clone(),
            expression: row.expression.clone(),
            every_secs: row.every_secs.map(unsigned),
            phase_secs: unsigned(row.phase_secs),
            time_zone: row.time_zone.clone(),
            gap: row.gap,
            fold: row.fold,
            start_at: row.start_at,
            end_at: row.end_at,
            jitter_secs: unsigned(row.jitter_secs),
            overlap: row.overlap,
            buffer_limit: unsigned(row.buffer_limit),
            catchup_window_secs: unsigned(row.catchup_window_secs),
            catchup_limit: unsigned(row.catchup_limit),
            pause_after: row.pause_after.map(unsigned),
            input: row.input.clone(),
        }
    }

    /// Writes them to a row.
    pub(super) fn set(self, row: &mut workflow_schedules::ActiveModel) {
        row.name = Set(self.name);
        row.expression = Set(self.expression);
        row.every_secs = Set(self.every_secs.map(signed));
        row.phase_secs = Set(signed(self.phase_secs));
        row.time_zone = Set(self.time_zone);
        row.gap = Set(self.gap);
        row.fold = Set(self.fold);
        row.start_at = Set(self.start_at.map(to_micros));
        row.end_at = Set(self.end_at.map(to_micros));
        row.jitter_secs = Set(signed(self.jitter_secs));
        row.overlap = Set(self.overlap);
        row.buffer_limit = Set(signed(self.buffer_limit));
        row.catchup_window_secs = Set(signed(self.catchup_window_secs));
        row.catchup_limit = Set(signed(self.catchup_limit));
        row.pause_after = Set(self.pause_after.map(signed));
        row.input = Set(atelier_queue::without_nul(&self.input));
    }

    /// The fields in their stored form.
    ///
    /// # Errors
    /// If one of them is invalid, or the schedule would never fire after `now`.
    pub(super) fn check(mut self, now: Timestamp) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        if let Some(name) = errors.take("name", validation::line(&self.name, 1, MAX_NAME)) {
            self.name = name;
        }
        let mut bound = |field, value: u32, min: u32, max: u32| {
            if value < min || value > max {
                errors.0.insert(field, format!("must be {min} to {max}"));
            }
        };
        bound("buffer_limit", self.buffer_limit, 1, MAX_BUFFERED);
        bound("catchup_window_secs", self.catchup_window_secs, MIN_CATCHUP_SECS, MAX_CATCHUP_SECS);
        bound("catchup_limit", self.catchup_limit, 1, MAX_CAUGHT_UP);
        if let Some(failures) = self.pause_after {
            bound("pause_after", failures, 1, MAX_FAILURES);
        }
        if self.input.to_string().len() > MAX_INPUT_BYTES {
            errors.0.insert("input", format!("must have at most {MAX_INPUT_BYTES} bytes as JSON"));
        }
        let timed = self.check_times(now);
        match (timed, errors.0.is_empty()) {
            (Ok(()), true) => Ok(self),
            (timed, _) => {
                errors.0.extend(timed.err().unwrap_or_default().0);
                Err(errors)
            }
        }
    }

    /// Checks what a preview needs: all that says when the schedule fires.
    ///
    /// # Errors
    /// If a field is invalid, or there is no fire time after `now`.
    pub(super) fn check_times(&mut self, now: Timestamp) -> Result<(), FieldErrors> {
        let mut errors = FieldErrors::default();
        if let Some(zone) = errors.take("time_zone", validation::time_zone(&self.time_zone)) {
            self.time_zone = zone;
        }
        if self.jitter_secs > MAX_JITTER_SECS {
            errors.0.insert("jitter_secs", format!("must be at most {MAX_JITTER_SECS}"));
        }
        if self.start_at.zip(self.end_at).is_some_and(|(start, end)| start >= end) {
            errors.0.insert("end_at", "must be after start_at".to_owned());
        }
        match (&mut self.expression, self.every_secs) {
            (Some(expression), None) => {
                *expression = expression.trim().to_owned();
                errors.take("expression", Expression::parse(expression));
                if self.phase_secs != 0 {
                    errors.0.insert("phase_secs", "is for an interval only".to_owned());
                }
            }
            (None, Some(every)) if !(1..=MAX_EVERY_SECS).contains(&every) => {
                errors.0.insert("every_secs", format!("must be 1 to {MAX_EVERY_SECS}"));
            }
            (None, Some(every)) if self.phase_secs >= every => {
                errors.0.insert("phase_secs", "must be less than every_secs".to_owned());
            }
            (None, Some(_)) => {}
            (Some(_), Some(_)) => {
                errors.0.insert("every_secs", "must be left out where there is an expression".to_owned());
            }
            (None, None) => {
                errors.0.insert("expression", "must be given, or every_secs in its place".to_owned());
            }
        }
        errors.finish(Some(()))?;
        let spec = self.spec().map_err(|problem| FieldErrors::of("expression", problem))?;
        match spec.next(now) {
            Ok(Some(_)) => Ok(()),
            _ if self.end_at.is_some() => Err(FieldErrors::of("end_at", "is before the next fire time")),
            _ => Err(FieldErrors::of("expression", "never fires")),
        }
    }

    /// When the schedule fires.
    ///
    /// # Errors
    /// If this version of the program cannot read the expression or the zone.
    pub(super) fn spec(&self) -> Result<Spec, String> {
        let when = match (&self.expression, self.every_secs) {
            (Some(expression), _) => When::Cron(Expression::parse(expression)?),
            (None, Some(secs)) => When::Every { secs, phase: self.phase_secs },
            (None, None) => return Err("there is no expression".to_owned()),
        };
        let zone = Tz::from_str(&self.time_zone).map_err(|error| error.to_string())?;
        Ok(Spec {
            when,
            zone,
            gap: self.gap.map(|gap| match gap {
                ClockGap::Shift => Gap::Shift,
                ClockGap::Skip => Gap::Skip,
            }),
            fold: self.fold.map(|fold| match fold {
                ClockFold::First => Fold::First,
                ClockFold::Last => Fold::Last,
                ClockFold::Both => Fold::Both,
            }),
            start: self.start_at,
            end: self.end_at,
        })
    }

    /// How many of the fire times that have passed still fire.
    pub(super) fn catch_up(&self) -> CatchUp {
        CatchUp {
            window: TimeDelta::seconds(i64::from(self.catchup_window_secs)),
            limit: usize::try_from(self.catchup_limit).unwrap_or(1).max(1),
        }
    }
}

fn unsigned(value: i32) -> u32 {
    u32::try_from(value).unwrap_or_default()
}

fn signed(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
