//! What a run needs of the settings of its workflow.

use atelier_queue::Lane;
use serde_json::Value;

use crate::{engine::Concurrency, graph::Graph};

/// The longest time of a run that never waits, in seconds: a day.
const ACTIVE_SECONDS: i64 = 24 * 60 * 60;
/// The longest time of a run that may wait, in seconds: thirty days.
const WAITING_SECONDS: i64 = 30 * ACTIVE_SECONDS;
/// Types of nodes that wait.
const WAITING: [&str; 7] =
    ["approval", "delay", "deploy_app", "generate_app", "sub_workflow", "wait_signal", "wait_until"];

/// How many runs of a workflow are under way at once.
pub(crate) fn concurrency(settings: &Value) -> Concurrency {
    let found = settings.get("concurrency").cloned();
    found.and_then(|found| serde_json::from_value(found).ok()).unwrap_or_default()
}

/// The lane of the jobs of a run.
pub(crate) fn lane(settings: &Value) -> Lane {
    match settings.get("lane").and_then(Value::as_str) {
        Some("urgent") => Lane::Urgent,
        Some("bulk") => Lane::Bulk,
        _ => Lane::Normal,
    }
}

/// The longest time of a run, in seconds.
pub(crate) fn timeout_seconds(settings: &Value, graph: &Graph) -> i64 {
    let asked = settings.get("timeout_secs").and_then(Value::as_i64).filter(|seconds| *seconds > 0);
    let waits = || {
        let mut nodes = graph.scopes().into_iter().flat_map(|(graph, _)| &graph.nodes);
        nodes.any(|node| WAITING.contains(&node.kind.as_str()))
    };
    asked.unwrap_or_else(|| if waits() { WAITING_SECONDS } else { ACTIVE_SECONDS }).min(WAITING_SECONDS)
}
