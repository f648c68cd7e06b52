//! The next fire times, by the very function that fires.

use atelier_entities::{Timestamp, WorkflowScheduleId};
use atelier_foundation::{
    FieldErrors,
    schedule::{Spec, Warning},
};
use chrono::NaiveDateTime;
use uuid::Uuid;

use super::{Fields, ScheduleChanges, ScheduleError, Schedules};

/// Most fire times of a preview.
pub const MAX_PREVIEW: usize = 100;

/// What is previewed.
#[derive(Clone, Debug, Default)]
pub struct PreviewInput {
    /// All that says when a schedule fires. Other fields are ignored.
    pub fields: ScheduleChanges,
    /// The schedule whose jitter is shown; none shows no jitter.
    pub schedule: Option<WorkflowScheduleId>,
    /// Fire times after this; after now where it is absent.
    pub after: Option<Timestamp>,
    /// How many, 1 to [`MAX_PREVIEW`].
    pub count: usize,
}

/// A fire time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upcoming {
    /// The fire time, without its jitter.
    pub at: Timestamp,
    /// When it fires.
    pub fires_at: Timestamp,
    /// The civil time in the zone of the schedule.
    pub local: NaiveDateTime,
    /// The civil time that does not exist on that day, in whose place it fires.
    pub shifted_from: Option<NaiveDateTime>,
}

/// Fire times, and what people may read otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The next fire times.
    pub upcoming: Vec<Upcoming>,
    /// What people often expect, but it is not so.
    pub warnings: Vec<Warning>,
}

impl Schedules {
    /// The next fire times of what may become a schedule.
    ///
    /// # Errors
    /// If a field is invalid, or there is no further fire time.
    pub fn preview(&self, input: PreviewInput) -> Result<Preview, ScheduleError> {
        if !(1..=MAX_PREVIEW).contains(&input.count) {
            return Err(FieldErrors::of("count", format!("must be 1 to {MAX_PREVIEW}")).into());
        }
        let after = input.after.unwrap_or_else(|| self.queue.now());
        let mut fields = input.fields.apply(Fields::default());
        fields.check_times(after)?;
        let spread = input.schedule.map(|id| (id.0, fields.jitter_secs));
        preview(&fields, spread, after, input.count)
    }
}

/// The next fire times of checked fields.
pub(super) fn preview(
    fields: &Fields,
    spread: Option<(Uuid, u32)>,
    after: Timestamp,
    count: usize,
) -> Result<Preview, ScheduleError> {
    let wrong = |problem: String| FieldErrors::of("expression", problem);
    let spec = fields.spec().map_err(wrong)?;
    let firings = spec.list(after, None, count).map_err(|error| wrong(error.to_string()))?;
    let upcoming = firings.into_iter().map(|firing| Upcoming {
        at: firing.at,
        fires_at: spread.map_or(firing.at, |(id, secs)| firing.with_jitter(id, secs)),
        local: firing.at.with_timezone(&spec.zone).naive_local(),
        shifted_from: firing.shifted_from,
    });
    Ok(Preview { upcoming: upcoming.collect(), warnings: spec.warnings() })
}

/// The fire time after a moment, with its jitter. None if there is none, or it cannot be computed.
pub(super) fn next_of(
    id: WorkflowScheduleId,
    spec: &Spec,
    jitter_secs: u32,
    after: Timestamp,
) -> Option<(Timestamp, Timestamp)> {
    let firing = spec.next(after).ok().flatten()?;
    Some((firing.at, firing.with_jitter(id.0, jitter_secs)))
}
