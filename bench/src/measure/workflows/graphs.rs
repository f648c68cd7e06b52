//! The graphs that are run. Each node but the trigger is a job that gives a constant.

use serde_json::{Value, json};

fn trigger() -> Value {
    json!({"key": "start", "type": "manual"})
}

fn step(key: &str) -> Value {
    json!({"key": key, "type": "transform", "config": {"fields": {"value": 1}}})
}

/// `steps` nodes, one after the other.
pub(in crate::measure) fn chain(steps: u16) -> Value {
    let keys: Vec<String> = (1..=steps).map(|number| format!("s{number}")).collect();
    let mut nodes = vec![trigger()];
    nodes.extend(keys.iter().map(|key| step(key)));
    let before = std::iter::once("start").chain(keys.iter().map(String::as_str));
    let edges: Vec<Value> = before.zip(&keys).map(|(from, to)| json!({"from": from, "to": to})).collect();
    json!({"nodes": nodes, "edges": edges})
}

/// `branches` nodes side by side, and one that merges them.
pub(super) fn fan_out(branches: u16) -> Value {
    let keys: Vec<String> = (1..=branches).map(|number| format!("b{number}")).collect();
    let mut nodes = vec![trigger(), json!({"key": "merge", "type": "merge"})];
    nodes.extend(keys.iter().map(|key| step(key)));
    let edges: Vec<Value> = keys
        .iter()
        .flat_map(|key| [json!({"from": "start", "to": key}), json!({"from": key, "to": "merge"})])
        .collect();
    json!({"nodes": nodes, "edges": edges})
}

/// One node for each of the items of the input.
pub(super) fn each_item(concurrency: u16) -> Value {
    let each = json!({
        "key": "each", "type": "loop", "config": {"items": "{{ input.items }}", "concurrency": concurrency},
        "body": {"nodes": [step("one")], "edges": []},
    });
    json!({"nodes": [trigger(), each], "edges": [{"from": "start", "to": "each"}]})
}
