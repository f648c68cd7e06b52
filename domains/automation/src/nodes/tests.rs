//! What each type reads and refuses.

use serde_json::{Map, Value, json};

use super::catalog;
use crate::graph::{Behaviour, ConfigFault, NodeType, Shape};

fn read(name: &str, config: Value) -> Result<Shape, ConfigFault> {
    let config: Map<String, Value> = serde_json::from_value(config).unwrap();
    (catalog().find(name, 1).unwrap().read)(&config)
}

fn example(name: &str) -> Value {
    match name {
        "manual" => json!({}),
        "platform_event" => json!({"event": "deployment.succeeded"}),
        "workflow_error" => json!({}),
        "called" => json!({}),
        "http_request" => json!({"method": "POST", "url": "https://example.com", "body": {"a": 1}}),
        "condition" => json!({"when": {"left": "{{ input.a }}", "operator": "equals", "right": 1}}),
        "switch" => json!({"rules": [{"key": "small", "when": {}}]}),
        "transform" => json!({"fields": {"a": "{{ input.b }}"}}),
        "filter" => json!({"items": "{{ input }}", "when": {}}),
        "list_split" => json!({"items": "{{ input.rows }}"}),
        "list_aggregate" => json!({"items": "{{ input }}", "operation": "sum", "field": "price"}),
        "list_sort" => json!({"items": "{{ input }}", "by": [{"field": "price", "descending": true}]}),
        "list_limit" => json!({"items": "{{ input }}", "count": "{{ input.max }}"}),
        "list_dedupe" => json!({"items": "{{ input }}", "by": ["id"]}),
        "list_group" => json!({"items": "{{ input }}", "by": "country"}),
        "merge" => json!({"mode": "fields", "fields": ["id"], "keep": "left"}),
        "delay" => json!({"seconds": 60}),
        "wait_until" => json!({"at": "2026-12-01T09:00:00Z"}),
        "approval" => json!({"to": ["a@example.com"], "message": "Send it?", "timeout_seconds": 3600}),
        "wait_signal" => json!({"signal": "paid"}),
        "send_mail" => json!({"to": ["a@example.com"], "subject": "Hi", "text": "{{ input.a }}"}),
        "llm_prompt" => json!({"prompt": "Sum up {{ input }}"}),
        "generate_app" => json!({"prompt": "A list of chores"}),
        "deploy_app" => json!({"project": "{{ input.project }}"}),
        "enqueue_statistics" => json!({}),
        "sub_workflow" => json!({"workflow": "monthly", "on_parent_cancel": "abandon"}),
        "stop" => json!({"code": "NO_STOCK", "message": "None left"}),
        "no_op" => json!({}),
        "note" => json!({"text": "Why this is here"}),
        "loop" => json!({"items": "{{ input }}", "concurrency": 5, "on_item_error": "continue"}),
        "while" => json!({"when": {}, "max_rounds": 10}),
        "break" => json!({}),
        other => panic!("give an example of {other}"),
    }
}

#[test]
fn every_type_reads_its_example_and_refuses_unknown_fields() {
    for NodeType { name, .. } in catalog().iter() {
        let mut config = example(name);
        read(name, config.clone()).unwrap();
        config["no_such_field"] = json!(1);
        let fault = read(name, config).unwrap_err();
        assert!(fault.message.contains("no_such_field"), "{name}: {fault:?}");
    }
}

#[test]
fn a_switch_has_a_port_for_each_rule_and_one_for_the_rest() {
    let shape =
        read("switch", json!({"rules": [{"key": "a", "when": {}}, {"key": "b", "when": {}}]})).unwrap();
    let ports: Vec<_> = shape.outputs.iter().map(|port| port.key.as_str()).collect();
    assert_eq!(ports, ["a", "b", "default", "error"]);
}

#[test]
fn a_fault_names_its_place() {
    let place = |name, config| read(name, config).unwrap_err().pointer;
    assert_eq!(place("switch", json!({"rules": [{"key": "error", "when": {}}]})), "/rules/0/key");
    assert_eq!(place("http_request", json!({"url": "x", "method": "FETCH"})), "/method");
    assert_eq!(place("delay", json!({"seconds": "soon"})), "/seconds");
    assert_eq!(place("loop", json!({"items": [], "concurrency": 51})), "/concurrency");
    assert_eq!(
        place("loop", json!({"items": [], "max_failures": 1, "max_failures_percent": 1})),
        "/max_failures"
    );
    assert_eq!(place("while", json!({"when": {}, "max_rounds": 1001})), "/max_rounds");
}

#[test]
fn a_number_may_be_an_expression() {
    assert!(read("delay", json!({"seconds": "{{ input.pause }}"})).is_ok());
}

#[test]
fn only_loops_have_a_body() {
    let with_body: Vec<_> = catalog()
        .iter()
        .filter(|kind| read(kind.name, example(kind.name)).is_ok_and(|shape| shape.behaviour.has_body()))
        .map(|kind| kind.name)
        .collect();
    assert_eq!(with_body, ["loop", "while"]);
    assert_eq!(read("note", json!({})).unwrap().behaviour, Behaviour::Note);
}
