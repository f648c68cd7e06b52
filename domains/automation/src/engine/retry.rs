//! Whether and when a failed attempt is repeated.

use std::time::Duration;

use super::NodeError;
use crate::graph::{Backoff, Retry};

/// The largest part of a pause that jitter adds or takes.
const JITTER_SHARE: f64 = 0.2;

/// The pause before the next attempt, or nothing if there is none.
///
/// `attempt` is the one that failed, from 1. `jitter` lies between -1 and 1.
#[must_use]
pub fn pause_before(retry: Option<&Retry>, attempt: u32, error: &NodeError, jitter: f64) -> Option<Duration> {
    let retry = retry?;
    if attempt >= retry.max_attempts || !is_retryable(retry, error) {
        return None;
    }
    let max = f64::from(retry.max_seconds);
    if let Some(asked) = error.retry_after {
        return Some(Duration::from_secs_f64(asked.as_secs_f64().min(max)));
    }
    let growth = match retry.backoff {
        Backoff::Fixed => 1.0,
        Backoff::Exponential => 2_f64.powi(i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX)),
    };
    let pause = (f64::from(retry.base_seconds) * growth).min(max);
    Some(Duration::from_secs_f64(pause * (1.0 + JITTER_SHARE * jitter.clamp(-1.0, 1.0))))
}

fn is_retryable(retry: &Retry, error: &NodeError) -> bool {
    let status = error.status.map(|status| status.to_string());
    if let Some(listed) = &retry.retry_on {
        return listed.iter().any(|entry| *entry == error.code || Some(entry) == status.as_ref());
    }
    error.retryable.unwrap_or_else(|| is_retryable_by_default(error))
}

fn is_retryable_by_default(error: &NodeError) -> bool {
    if let Some(status @ 400..500) = error.status {
        return matches!(status, 408 | 409 | 425 | 429);
    }
    let permanent =
        ["CONFIG_INVALID", "OUTPUT_TOO_LARGE", "ADDRESS_FORBIDDEN", NodeError::UNEXPECTED_OUTCOME];
    !error.code.starts_with("EXPR_") && !permanent.contains(&error.code.as_str())
}
