//! Whether a new run of a workflow starts, given the runs that there are.
//!
//! The numbers are counted from rows under the workflow's lock, and never stored: a run that ended, was killed
//! or was retried is seen as it is.

use serde::{Deserialize, Serialize};

/// How many runs of a workflow are under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Concurrency {
    /// The number. No limit where it is absent.
    pub limit: Option<u32>,
    /// What happens to a run beyond it.
    pub when_full: WhenFull,
    /// Whether a run counts that only waits.
    pub count_waiting: bool,
    /// Most runs that are queued.
    pub max_queued: u32,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self { limit: None, when_full: WhenFull::Skip, count_waiting: true, max_queued: 100 }
    }
}

/// What happens to a run beyond the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It is refused.
    #[default]
    Skip,
    /// It waits until another run has ended.
    Queue,
    /// The oldest run is cancelled. The new one starts once it has ended.
    CancelOlder,
}

/// The runs of a workflow by their states, counted from rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Runs that are running or paused.
    pub running: u32,
    /// Runs that only wait.
    pub waiting: u32,
    /// Runs that are queued.
    pub queued: u32,
}

/// What happens to a new run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It starts.
    Start,
    /// It is queued.
    Queue,
    /// It is queued, and the oldest runs are cancelled.
    CancelOlder {
        /// How many of those under way.
        runs: u32,
        /// How many of those queued.
        queued: u32,
    },
    /// It is refused, since the limit is reached.
    SkipLimit,
    /// It is refused, since too many are queued.
    SkipQueueFull,
}

impl Concurrency {
    /// How many of the queued runs may start now.
    #[must_use]
    pub const fn startable(self, occupancy: Occupancy) -> u32 {
        let free = match self.limit {
            None => u32::MAX,
            Some(limit) => limit.saturating_sub(self.occupied(occupancy)),
        };
        if free < occupancy.queued { free } else { occupancy.queued }
    }

    /// What happens to a new run, or to one that is retried after its end.
    #[must_use]
    pub const fn admit(self, occupancy: Occupancy) -> Admission {
        let Some(limit) = self.limit else { return Admission::Start };
        let occupied = self.occupied(occupancy);
        if occupied < limit && occupancy.queued == 0 {
            return Admission::Start;
        }
        match self.when_full {
            WhenFull::Skip => Admission::SkipLimit,
            WhenFull::Queue if occupancy.queued >= self.max_queued => Admission::SkipQueueFull,
            WhenFull::Queue => Admission::Queue,
            WhenFull::CancelOlder => {
                let runs = (occupied + 1).saturating_sub(limit);
                Admission::CancelOlder { runs, queued: occupancy.queued }
            }
        }
    }

    const fn occupied(self, occupancy: Occupancy) -> u32 {
        if self.count_waiting { occupancy.running + occupancy.waiting } else { occupancy.running }
    }
}
