//! The closed sets of values of jobs and their attempts, by their stored names.

use crate::text_enums::text_enums;

text_enums! {
    /// Where a job is in its life; `atelier_queue::state` says who may become what.
    JobState {
        /// Due later: delayed, or put off by its handler.
        Scheduled = "scheduled",
        /// Due, waiting for a worker.
        Available = "available",
        /// Held by a worker under a lease.
        Running = "running",
        /// An attempt failed; due again later.
        Retrying = "retrying",
        Succeeded = "succeeded",
        /// Out of attempts, or failed for good.
        Failed = "failed",
        Cancelled = "cancelled",
        /// Thrown away by an operator.
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
    /// The states a job never leaves but by an operator's retry.
    pub const TERMINAL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Cancelled, Self::Discarded];

    /// What the state is to the indexes of jobs: 0 waits for its time, 1 is open, 2
    /// succeeded, 3 failed, 4 cancelled, 5 discarded. A claim leaves it as it is, so that
    /// no index has to be written for one.
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
