//! The closed sets of values of jobs and their attempts, by their stored names.

use crate::text_enums::text_enums;

text_enums! {
    /// The state of a job; `atelier_queue::state` defines the transitions.
    JobState {
        /// Due later: delayed, or snoozed by its handler.
        Scheduled = "scheduled",
        /// Due and waiting for a worker.
        Available = "available",
        /// Held by a worker under a lease.
        Running = "running",
        /// An attempt failed; due again later.
        Retrying = "retrying",
        Succeeded = "succeeded",
        /// Out of attempts, or failed permanently.
        Failed = "failed",
        Cancelled = "cancelled",
        /// Discarded by an operator.
        Discarded = "discarded",
    }

    /// How an attempt of a job ended.
    AttemptOutcome {
        Succeeded = "succeeded",
        Failed = "failed",
        TimedOut = "timed_out",
        Panicked = "panicked",
        /// The worker died or lost its lease.
        Lost = "lost",
        Cancelled = "cancelled",
    }
}

impl JobState {
    /// The final states, which a job leaves only by an operator's retry.
    pub const TERMINAL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Cancelled, Self::Discarded];

    /// The phase of the state, for the indexes of jobs: 0 due later, 1 available or running, 2
    /// succeeded, 3 failed, 4 cancelled, 5 discarded. A claim does not change it, so that a
    /// claim writes no index.
    #[must_use]
    pub const fn phase(self) -> i16 {
        match self {
            Self::Scheduled | Self::Retrying => 0,
            Self::Available | Self::Running => 1,
            Self::Succeeded => 2,
            Self::Failed => 3,
            Self::Cancelled => 4,
            Self::Discarded => 5,
        }
    }

    /// Whether the job has ended.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        Self::TERMINAL.contains(&self)
    }
}
