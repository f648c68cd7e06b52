//! What each type reads, refuses and computes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use atelier_entities::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    expression::{Context, Parameter, Root},
    graph::{Behaviour, ConfigFault, Shape},
};

mod actions;
mod descriptions;
mod documented;
mod lists;
mod logic;
mod merge;
mod schema;
mod waits;

fn read(name: &str, config: Value) -> Result<Shape, ConfigFault> {
    let config: Map<String, Value> = serde_json::from_value(config).unwrap();
    (find_definition(name, 1).unwrap().kind.read)(&config)
}

fn sample(name: &str) -> Value {
    (find_definition(name, 1).unwrap().describe)().sample_config
}

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn work(input: Value) -> Work {
    let context = Context::new(now(), Uuid::nil()).with(Root::Input, input.clone());
    Work {
        input: Arc::new(input),
        branches: Vec::new(),
        context,
        now: now(),
        deadline: Instant::now() + Duration::from_secs(60),
    }
}

/// Evaluates the expressions of a config and computes.
fn compute_with(name: &str, config: Value, work: Work) -> Result<NodeOutput, NodeFailure> {
    let definition = find_definition(name, 1).unwrap();
    let Run::Compute(compute) = definition.run else { panic!("{name} does not compute") };
    let config: Map<String, Value> = serde_json::from_value(config).unwrap();
    let (deferred, eager): (Map<_, _>, Map<_, _>) =
        config.into_iter().partition(|(field, _)| definition.deferred.contains(&field.as_str()));
    let eager = Parameter::parse(&Value::Object(eager)).unwrap();
    let resolved = eager.resolve(&work.context)?.into_value().unwrap();
    let mut config: Map<String, Value> = serde_json::from_value(resolved).unwrap();
    config.extend(deferred);
    compute(config, work)
}

fn compute(name: &str, config: Value, input: Value) -> Result<NodeOutput, NodeFailure> {
    compute_with(name, config, work(input))
}

/// The value that a node gives.
fn value(name: &str, config: Value, input: Value) -> Value {
    match compute(name, config.clone(), input) {
        Ok(NodeOutput::Value(value)) => value,
        other => panic!("{name} {config}: {other:?}"),
    }
}

/// The code and the message of a failure.
fn failure(name: &str, config: Value, input: Value) -> (String, String) {
    let failure = compute(name, config.clone(), input);
    let failure = failure.expect_err(&format!("{name} {config}"));
    assert_eq!(failure.retryable, Some(false), "{failure:?}");
    (failure.code, failure.message)
}

#[test]
fn every_type_reads_its_sample_and_refuses_unknown_fields() {
    for Definition { kind, .. } in &TYPES {
        let mut config = sample(kind.name);
        read(kind.name, config.clone()).unwrap_or_else(|fault| panic!("{}: {fault:?}", kind.name));
        config["no_such_field"] = json!(1);
        let fault = read(kind.name, config).unwrap_err();
        assert!(fault.message.contains("no_such_field"), "{}: {fault:?}", kind.name);
    }
}

#[test]
fn every_type_is_in_the_catalog_once() {
    assert_eq!(catalog().iter().count(), TYPES.len());
}

#[test]
fn a_switch_has_a_port_for_each_rule_and_one_for_the_rest() {
    let when = json!({"left": 1, "operator": "equals", "right": 1});
    let rules = json!({"rules": [{"key": "a", "when": when}, {"key": "b", "when": when}]});
    let shape = read("switch", rules).unwrap();
    let ports: Vec<_> = shape.outputs.iter().map(|port| port.key.as_str()).collect();
    assert_eq!(ports, ["a", "b", "default", "error"]);
}

#[test]
fn a_fault_names_its_place() {
    let when = json!({"left": 1, "operator": "equals", "right": 1});
    let with = |mut condition: Value, field: &str, value: Value| {
        condition[field] = value;
        condition
    };
    for (name, config, place) in [
        ("switch", json!({"rules": [{"key": "error", "when": when}]}), "/rules/0/key"),
        ("switch", json!({"rules": [{"key": "a", "when": {}}]}), "/rules/0/when"),
        ("condition", json!({"when": {}}), "/when"),
        ("condition", json!({"when": {"left": 1, "operator": "equals"}}), "/when"),
        (
            "condition",
            json!({"when": {"conditions": [{"left": 1, "operator": "equals"}]}}),
            "/when/conditions/0",
        ),
        ("condition", json!({"when": {"left": "a", "operator": "matches", "right": "("}}), "/when/right"),
        ("condition", json!({"when": with(when.clone(), "colour", json!(1))}), "/when"),
        ("http_request", json!({"url": "x", "method": "FETCH"}), "/method"),
        ("http_request", json!({"url": "x", "headers": {"Host": "a"}}), "/headers/Host"),
        ("http_request", json!({"url": "x", "headers": {"a b": "c"}}), "/headers/a b"),
        (
            "http_request",
            json!({"url": "x", "headers": {"X-aws-EC2-metadata-token": "c"}}),
            "/headers/X-aws-EC2-metadata-token",
        ),
        ("http_request", json!({"url": "x", "body": 1}), "/body"),
        ("delay", json!({"seconds": "soon"}), "/seconds"),
        ("delay", json!({"seconds": 2_592_001}), "/seconds"),
        ("wait_until", json!({"at": "tomorrow"}), "/at"),
        ("list_sort", json!({"items": 5, "by": []}), "/items"),
        ("list_sort", json!({"items": [], "by": [{"field": "a"}], "descending": true}), "/descending"),
        ("loop", json!({"items": [], "concurrency": 51}), "/concurrency"),
        ("loop", json!({"items": [], "max_failures": 1, "max_failures_percent": 1}), "/max_failures"),
        ("while", json!({"when": when, "max_rounds": 1001}), "/max_rounds"),
        ("merge", json!({"mode": "fields"}), "/fields"),
        ("merge", json!({"mode": "append", "keep": "left"}), "/keep"),
        ("stop", json!({"code": "no stock", "message": "a"}), "/code"),
        ("platform_event", json!({"event": "A B"}), "/event"),
    ] {
        assert_eq!(read(name, config.clone()).unwrap_err().pointer, place, "{name} {config}");
    }
}

#[test]
fn a_value_may_be_an_expression() {
    assert!(read("delay", json!({"seconds": "{{ input.pause }}"})).is_ok());
    assert!(read("loop", json!({"items": "{{ input.rows }}"})).is_ok());
}

#[test]
fn only_loops_have_a_body() {
    let with_body: Vec<_> = TYPES
        .iter()
        .map(|definition| definition.kind.name)
        .filter(|name| read(name, sample(name)).unwrap().behaviour.has_body())
        .collect();
    assert_eq!(with_body, ["loop", "while"]);
    assert_eq!(read("note", json!({})).unwrap().behaviour, Behaviour::Note);
}

#[test]
fn types_without_an_attempt_are_those_that_the_engine_runs_alone() {
    for definition in &TYPES {
        let behaviour = read(definition.kind.name, sample(definition.kind.name)).unwrap().behaviour;
        let is_silent =
            matches!(behaviour, Behaviour::Trigger | Behaviour::Pass | Behaviour::Break | Behaviour::Note);
        assert_eq!(matches!(definition.run, Run::Engine), is_silent, "{}", definition.kind.name);
    }
}
