//! What a run needs of the settings of its workflow, whatever else they hold.

use atelier_queue::Lane;
use chrono::TimeDelta;
use serde_json::Value;

use crate::{
    engine::Concurrency,
    workflows::{DEFAULT_TIMEOUT_SECS, MAX_TIMEOUT_SECS, RunLane},
};

/// How many runs of a workflow are under way at once.
pub(crate) fn concurrency(settings: &Value) -> Concurrency {
    let found = settings.get("concurrency").cloned();
    found.and_then(|found| serde_json::from_value(found).ok()).unwrap_or_default()
}

/// The lane of the jobs of a run.
pub(crate) fn lane(settings: &Value) -> Lane {
    let found = settings.get("lane").cloned();
    found.and_then(|found| serde_json::from_value(found).ok()).map_or(Lane::Normal, RunLane::lane)
}

/// The longest time that a run is at work.
pub(crate) fn timeout(settings: &Value) -> TimeDelta {
    let asked = settings.get("timeout_secs").and_then(Value::as_u64);
    let asked = asked.and_then(|seconds| u32::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
    TimeDelta::seconds(i64::from(asked.unwrap_or(DEFAULT_TIMEOUT_SECS).min(MAX_TIMEOUT_SECS)))
}

/// The longest time of a run with all its waits and pauses.
pub(crate) fn longest() -> TimeDelta {
    TimeDelta::seconds(i64::from(MAX_TIMEOUT_SECS))
}
