//! Counts attempts.

use atelier_queue::metrics::workflows as metrics;

use super::{NodeResult, WorkOutcome};
use crate::nodes::AttemptError;

/// Counts an attempt when it is dropped: as stopped, unless its end was noted.
pub(super) struct Meter {
    kind: &'static str,
    outcome: &'static str,
}

impl Meter {
    /// Counts an attempt of a node of that type.
    pub(super) const fn new(kind: &'static str) -> Self {
        Self { kind, outcome: "stopped" }
    }

    /// Notes how it ended.
    pub(super) const fn note(&mut self, result: &Result<NodeResult, AttemptError>) {
        self.outcome = match result {
            Ok(NodeResult { outcome: WorkOutcome::Held, .. }) => "held",
            Ok(NodeResult { outcome, .. }) if is_wait(outcome) => "waiting",
            Ok(_) => "done",
            Err(AttemptError::Failed(_)) => "failed",
            Err(AttemptError::Again(_)) => "repeated",
        };
    }
}

const fn is_wait(outcome: &WorkOutcome) -> bool {
    matches!(outcome, WorkOutcome::Wait { .. } | WorkOutcome::Child(_) | WorkOutcome::Start(_))
}

impl Drop for Meter {
    fn drop(&mut self) {
        metrics::attempt_ended(self.kind, self.outcome);
    }
}
