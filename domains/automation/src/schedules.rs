//! Schedules: what starts runs of a workflow by the clock.
//!
//! A schedule is a row, and each of its fire times is recorded once, with what became of it. Any number of
//! schedulers fire due schedules in batches. A schedule is locked after jobs and before runs: see `personal` of
//! the foundation.

mod backfill;
mod commands;
mod error;
mod fields;
mod fire;
mod gauges;
mod overlap;
mod personal;
mod preview;
mod purge;
mod recompute;
mod settle;
mod steer;
#[cfg(test)]
mod tests;
mod ticks;
mod why;

use atelier_entities::WorkflowScheduleId;
use atelier_queue::Queue;

pub(crate) use fire::fire_due;
pub(crate) use gauges::observe;
pub(crate) use personal::OwnedSchedules;
pub(crate) use purge::purge_ticks;

pub use backfill::{Backfill, BackfillInput, MAX_BACKFILL};
pub use commands::{ScheduleFilter, ScheduleView};
pub use error::ScheduleError;
pub use fields::{
    Fields, MAX_BUFFERED, MAX_CATCHUP_SECS, MAX_CAUGHT_UP, MAX_EVERY_SECS, MAX_FAILURES, MAX_INPUT_BYTES,
    MAX_JITTER_SECS, MAX_NAME, MIN_CATCHUP_SECS, ScheduleChanges,
};
pub use preview::{MAX_PREVIEW, Preview, PreviewInput, Upcoming};
pub use steer::MAX_REASON;
pub use why::{ScheduleReason, ScheduleReasonCode};

/// Most schedules of a person.
pub const MAX_SCHEDULES: u64 = 100;

/// Schedules of people. Cheap to clone.
#[derive(Clone)]
pub struct Schedules {
    queue: Queue,
}

impl Schedules {
    pub(crate) fn new(queue: Queue) -> Self {
        Self { queue }
    }
}

impl std::fmt::Debug for Schedules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schedules").finish_non_exhaustive()
    }
}

/// The target of an audit entry about a schedule.
fn schedule_target(id: WorkflowScheduleId) -> Option<String> {
    Some(format!("schedule:{id}"))
}
