//! How failures of a node are treated.

use serde_json::Value;

use super::{report::Findings, source::SourceNode};
use crate::graph::{
    Backoff, OnError, Policy, Retry,
    policy::{MAX_ATTEMPTS, MAX_BACKOFF_SECONDS},
};

/// The types of ours that have no attempt.
const WITHOUT_ATTEMPT: [&str; 7] =
    ["manual", "schedule", "webhook", "called", "workflow_error", "note", "no_op"];

/// Whether the errors of a node have an output of their own.
pub(super) fn has_error_output(node: &SourceNode<'_>) -> bool {
    node.raw.get("onError").and_then(Value::as_str) == Some("continueErrorOutput")
}

/// The policy of a node that becomes one of this type.
pub(super) fn policy_of(
    node: &SourceNode<'_>,
    kind: &str,
    timeout_seconds: Option<u32>,
    findings: &mut Findings,
) -> Policy {
    if WITHOUT_ATTEMPT.contains(&kind) {
        return Policy::default();
    }
    let on_error = match node.raw.get("onError").and_then(Value::as_str) {
        Some("continueRegularOutput") => OnError::Continue,
        Some("continueErrorOutput") => OnError::ErrorBranch,
        Some("stopWorkflow") => OnError::Stop,
        Some(other) => {
            findings.approximate(format!("onError {other} is not imported: an error stops the run."));
            OnError::Stop
        }
        None if node.flag("continueOnFail") => OnError::Continue,
        None => OnError::Stop,
    };
    let number = |field: &str, fallback: f64| {
        let found = node.raw.get(field).and_then(Value::as_f64).unwrap_or(fallback);
        found.clamp(0.0, f64::from(MAX_BACKOFF_SECONDS) * 1000.0)
    };
    let retry = node.flag("retryOnFail").then(|| Retry {
        max_attempts: whole(number("maxTries", 3.0)).clamp(1, MAX_ATTEMPTS),
        backoff: Backoff::Fixed,
        base_seconds: whole((number("waitBetweenTries", 1000.0) / 1000.0).ceil())
            .clamp(1, MAX_BACKOFF_SECONDS),
        ..Retry::default()
    });
    Policy { timeout_seconds, retry, on_error, ..Policy::default() }
}

/// A number that is not negative and fits, as an integer.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
const fn whole(number: f64) -> u32 {
    number as u32
}
