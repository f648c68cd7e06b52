//! Reading and validation of graphs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Fault, FaultCode, Graph, MAX_EDGES, MAX_NODES, Severity, validate::validate};
use crate::nodes::catalog;

fn graph(value: Value) -> Graph {
    Graph::from_json(&value.to_string()).unwrap()
}

fn node(key: &str, kind: &str, config: Value) -> Value {
    json!({"key": key, "type": kind, "config": config})
}

fn work(key: &str) -> Value {
    node(key, "transform", json!({"fields": {}}))
}

/// A transform whose only field is an expression.
fn reads(key: &str, expression: &str) -> Value {
    node(key, "transform", json!({"fields": {"a": expression}}))
}

fn start() -> Value {
    node("start", "manual", json!({}))
}

fn edge(from: &str, to: &str) -> Value {
    let (from, port) = from.split_once('.').unwrap_or((from, "main"));
    json!({"from": from, "from_port": port, "to": to})
}

fn with(mut node: Value, field: &str, value: Value) -> Value {
    node[field] = value;
    node
}

fn found(nodes: Vec<Value>, edges: Vec<Value>) -> Vec<Fault> {
    validate(&graph(json!({"nodes": nodes, "edges": edges})), &catalog())
}

fn codes(faults: &[Fault]) -> Vec<&'static str> {
    faults.iter().map(|fault| fault.code.as_str()).collect()
}

#[test]
fn a_graph_is_read_as_it_is_written() {
    let body = json!({"nodes": [work("a")], "edges": []});
    let each = with(node("each", "loop", json!({"items": []})), "body", body);
    let each = with(each, "policy", json!({"on_error": "continue", "join": {"mode": "quorum", "count": 2}}));
    let first = graph(json!({"nodes": [start(), each], "edges": [edge("start", "each")]}));
    assert_eq!(Graph::from_json(&first.to_json().unwrap()), Ok(first));
}

#[test]
fn unknown_fields_are_refused_with_their_place() {
    let fault = Graph::from_json(r#"{"nodes": [{"key": "a", "type": "no_op", "colour": 1}]}"#).unwrap_err();
    assert_eq!((fault.code, fault.severity), (FaultCode::Malformed, Severity::Error));
    assert!(fault.message.contains("colour"));
    assert_eq!(fault.pointer.as_deref(), Some("/nodes/0/colour"));
    for text in ["", "7", r#"{"nodes": [], "more": 1}"#, "{} {}"] {
        assert_eq!(Graph::from_json(text).unwrap_err().code, FaultCode::Malformed, "{text}");
    }
}

#[test]
fn a_text_that_is_too_large_is_not_read() {
    let fault = Graph::from_json(&" ".repeat(1024 * 1024 + 1)).unwrap_err();
    assert_eq!(fault.code, FaultCode::GraphTooLarge);
}

#[test]
fn a_graph_without_faults_has_none() {
    let body = json!({"nodes": [reads("a", "{{ nodes.first.output }}")], "edges": []});
    let nodes = vec![
        start(),
        work("first"),
        with(node("each", "loop", json!({"items": []})), "body", body),
        work("last"),
    ];
    let edges = vec![edge("start", "first"), edge("first", "each"), edge("each.done", "last")];
    assert_eq!(found(nodes, edges), []);
}

/// [n8n PR#29699], [n8n#31646]
#[test]
fn every_fault_is_reported_at_once() {
    let nodes = vec![
        work("Bad Key"),
        work("twice"),
        work("twice"),
        node("odd", "teleport", json!({})),
        with(work("old"), "type_version", json!(9)),
        node("pause", "delay", json!({"seconds": "soon"})),
        with(work("slow"), "policy", json!({"timeout_seconds": 0, "retry": {"max_attempts": 99}})),
    ];
    let edges =
        vec![edge("twice", "gone"), edge("twice.left", "slow"), edge("slow", "old"), edge("slow", "old")];
    let faults = found(nodes, edges);
    let codes = codes(&faults);
    for expected in [
        "BAD_KEY",
        "DUPLICATE_KEY",
        "UNKNOWN_TYPE",
        "TYPE_VERSION_UNSUPPORTED",
        "CONFIG_INVALID",
        "DANGLING_EDGE",
        "UNKNOWN_PORT",
        "DUPLICATE_EDGE",
        "NO_TRIGGER",
        "UNREACHABLE_NODE",
    ] {
        assert!(codes.contains(&expected), "{expected} is not in {codes:?}");
    }
    let places: Vec<_> = faults.iter().filter_map(|fault| fault.pointer.as_deref()).collect();
    for expected in
        ["/type", "/type_version", "/config/seconds", "/policy/timeout_seconds", "/policy/retry/max_attempts"]
    {
        assert!(places.contains(&expected), "{expected} is not in {places:?}");
    }
    let port = faults.iter().find(|fault| fault.code == FaultCode::UnknownPort).unwrap();
    assert_eq!((port.node.as_deref(), port.port.as_deref()), (Some("twice"), Some("left")));
    assert_eq!(port.edge.as_deref(), Some("twice.left>slow.in"));
    assert!(faults.iter().all(|fault| !fault.message.is_empty() && !fault.hint.is_empty()));
}

#[test]
fn a_fault_as_json_has_its_code_severity_and_place() {
    let fault = Fault::error(FaultCode::UnknownPort, "No.").at_node("a").at_port("left");
    let hint = FaultCode::UnknownPort.hint();
    let expected = json!({"code": "UNKNOWN_PORT", "severity": "error", "node": "a", "port": "left", "message": "No.", "hint": hint});
    assert_eq!(serde_json::to_value(fault).unwrap(), expected);
}

#[test]
fn a_cycle_is_reported_with_its_path() {
    let nodes = vec![start(), work("a"), work("b"), work("c")];
    let faults = found(nodes, vec![edge("start", "a"), edge("a", "b"), edge("b", "c"), edge("c", "a")]);
    assert_eq!(codes(&faults), ["CYCLE"]);
    assert!(faults[0].message.contains("a > b > c > a"), "{}", faults[0].message);
    let faults = found(vec![start(), work("a")], vec![edge("start", "a"), edge("a", "a")]);
    assert_eq!(codes(&faults), ["CYCLE"]);
}

#[test]
fn a_trigger_has_no_input_and_lies_in_no_loop() {
    let body = json!({"nodes": [node("inner", "manual", json!({}))], "edges": []});
    let each = with(node("each", "loop", json!({"items": []})), "body", body);
    let faults = found(vec![start(), each], vec![edge("start", "each"), edge("each.done", "start")]);
    let codes = codes(&faults);
    assert!(codes.contains(&"TRIGGER_HAS_INPUT") && codes.contains(&"TRIGGER_IN_BODY"), "{codes:?}");
}

#[test]
fn a_disabled_trigger_starts_nothing() {
    let faults = found(vec![with(start(), "disabled", json!(true)), work("a")], vec![edge("start", "a")]);
    assert_eq!(codes(&faults), ["NO_TRIGGER"]);
}

#[test]
fn an_edge_does_not_cross_the_border_of_a_body() {
    let body = json!({"nodes": [work("inner")], "edges": [edge("inner", "outer")]});
    let each = with(node("each", "loop", json!({"items": []})), "body", body);
    let faults = found(
        vec![start(), each, work("outer")],
        vec![edge("start", "each"), edge("start", "outer"), edge("start", "inner")],
    );
    assert_eq!(codes(&faults), ["LOOP_BODY_ESCAPES", "LOOP_BODY_ESCAPES"]);
}

#[test]
fn loops_have_a_body_and_nothing_else_has() {
    let empty = json!({"nodes": [node("text", "note", json!({}))], "edges": []});
    let faults = found(
        vec![
            start(),
            node("bare", "loop", json!({"items": []})),
            with(
                node("idle", "while", json!({"when": {"left": 1, "operator": "equals", "right": 1}})),
                "body",
                empty.clone(),
            ),
            with(work("a"), "body", empty.as_object().map(|_| json!({"nodes": [], "edges": []})).unwrap()),
            node("out", "break", json!({})),
        ],
        ["bare", "idle", "a", "out"].map(|to| edge("start", to)).to_vec(),
    );
    assert_eq!(
        codes(&faults),
        ["LOOP_BODY_EMPTY", "LOOP_BODY_EMPTY", "BODY_NOT_ALLOWED", "BREAK_OUTSIDE_LOOP"]
    );
}

#[test]
fn ports_take_what_they_are_for() {
    let nodes = vec![
        start(),
        node("text", "note", json!({})),
        node("join", "merge", json!({})),
        with(work("few"), "policy", json!({"join": {"mode": "quorum", "count": 3}})),
        with(work("branches"), "policy", json!({"on_error": "error_branch"})),
        work("stops"),
        work("rescue"),
        node(
            "pick",
            "switch",
            json!({"rules": [{"key": "a", "when": {"left": 1, "operator": "equals", "right": 1}}]}),
        ),
    ];
    let edges = vec![
        edge("start", "text"),
        edge("start", "join"),
        edge("start", "few"),
        edge("start", "branches"),
        edge("start", "stops"),
        edge("stops.error", "rescue"),
        edge("start", "pick"),
    ];
    let faults = found(nodes, edges);
    let expected = [
        "PORT_ARITY",
        "MERGE_SINGLE_INPUT",
        "QUORUM_UNREACHABLE",
        "ERROR_BRANCH_UNCONNECTED",
        "ERROR_EDGE_WITHOUT_POLICY",
        "SWITCH_NO_DEFAULT",
    ];
    assert_eq!(codes(&faults), expected);
    let warnings: Vec<_> =
        faults.iter().filter(|fault| fault.severity == Severity::Warning).map(|fault| fault.code).collect();
    assert_eq!(warnings, [FaultCode::MergeSingleInput, FaultCode::SwitchNoDefault]);
}

#[test]
fn sizes_are_bounded() {
    let many = |count: usize| (0..count).map(|number| work(&format!("n{number}"))).collect::<Vec<_>>();
    assert_eq!(codes(&found(many(MAX_NODES + 1), vec![])), ["TOO_MANY_NODES"]);
    let edges = (0..=MAX_EDGES).map(|number| edge("start", &format!("n{}", number % 400))).collect();
    assert_eq!(codes(&found(many(400), edges)), ["TOO_MANY_EDGES"]);
    let mut deep = json!({"nodes": [work("a")], "edges": []});
    for level in 0..6 {
        let each = with(node(&format!("loop_{level}"), "loop", json!({"items": []})), "body", deep);
        deep = json!({"nodes": [each], "edges": []});
    }
    assert_eq!(codes(&validate(&graph(deep), &catalog())), ["TOO_DEEP"]);
}

#[test]
fn an_expression_that_does_not_parse_is_reported_with_line_and_column() {
    let faults = found(vec![start(), reads("a", "{{ }}")], vec![edge("start", "a")]);
    assert_eq!(codes(&faults), ["EXPR_SYNTAX"]);
    assert_eq!(faults[0].pointer.as_deref(), Some("/config/fields/a"));
    assert!(faults[0].message.starts_with("Line 1, column "), "{}", faults[0].message);
}

#[test]
fn an_expression_names_nodes_that_have_run() {
    let body = json!({"nodes": [work("inner")], "edges": []});
    let each = with(node("each", "loop", json!({"items": []})), "body", body);
    let nodes = vec![
        start(),
        reads("a", "{{ nodes.gone.output }} {{ nodes.b.output }} {{ nodes.inner.output }}"),
        each,
        reads("b", "{{ nodes.inner.output }} {{ nodes.a.output }}"),
    ];
    let faults = found(nodes, vec![edge("start", "a"), edge("a", "each"), edge("each.done", "b")]);
    let found: Vec<_> = faults.iter().map(|fault| (fault.code.as_str(), fault.node.as_deref())).collect();
    let not_upstream = "EXPR_NOT_UPSTREAM";
    assert_eq!(
        found,
        [
            (not_upstream, Some("a")),
            ("EXPR_UNKNOWN_NODE", Some("a")),
            (not_upstream, Some("a")),
            (not_upstream, Some("b"))
        ]
    );
}

#[test]
fn an_expression_that_names_a_branch_is_warned_of_only_where_the_branch_may_be_skipped() {
    let nodes = vec![
        start(),
        node("check", "condition", json!({"when": {"left": 1, "operator": "equals", "right": 1}})),
        work("yes"),
        work("always"),
        reads("join", "{{ nodes.yes.output }} {{ nodes.always.output }} {{ nodes.check.output }}"),
    ];
    let edges = vec![
        edge("start", "check"),
        edge("start", "always"),
        edge("check.true", "yes"),
        edge("check.false", "join"),
        edge("yes", "join"),
        edge("always", "join"),
    ];
    let faults = found(nodes, edges);
    assert_eq!(codes(&faults), ["EXPR_MAYBE_SKIPPED"]);
    assert!(faults[0].message.starts_with("yes may"), "{}", faults[0].message);
}

/// The codes of a graph of a webhook with this config, three nodes that may answer, and these edges.
fn found_of_answers(webhook: Value, edges: &[(&str, &str)]) -> Vec<&'static str> {
    let when = json!({"when": {"left": 1, "operator": "equals", "right": 1}});
    let policy = json!({"on_error": "error_branch"});
    let nodes = vec![
        node("hook", "webhook", webhook),
        node("check", "condition", when),
        with(node("first", "webhook_response", json!({})), "policy", policy),
        node("second", "webhook_response", json!({})),
    ];
    let edges = edges.iter().map(|(from, to)| edge(from, to)).collect();
    let faults = found(nodes, edges);
    faults
        .iter()
        .filter(|fault| fault.severity == Severity::Error)
        .map(|fault| fault.code.as_str())
        .filter(|code| code.starts_with("ANSWER"))
        .collect()
}

#[test]
fn one_answer_on_each_path_of_a_webhook_that_waits() {
    let waits = json!({"response": "answer"});
    let branches =
        [("hook", "check"), ("check.true", "first"), ("check.false", "second"), ("first.error", "second")];
    assert_eq!(found_of_answers(waits.clone(), &branches), Vec::<&str>::new());
    let line = [("hook", "first"), ("first", "check"), ("check.true", "second")];
    assert_eq!(found_of_answers(waits, &line), ["ANSWER_TWICE"]);
    let told = ["ANSWER_WITHOUT_WEBHOOK", "ANSWER_WITHOUT_WEBHOOK"];
    assert_eq!(found_of_answers(json!({}), &branches), told);
}

#[test]
fn an_answer_in_a_loop_answers_for_what_follows_it() {
    let body = json!({"nodes": [node("inner", "webhook_response", json!({}))], "edges": []});
    let each = with(node("each", "loop", json!({"items": []})), "body", body);
    let hook = node("hook", "webhook", json!({"response": "answer"}));
    let nodes = vec![hook, each, node("last", "webhook_response", json!({}))];
    let faults = found(nodes, vec![edge("hook", "each"), edge("each.done", "last")]);
    let twice: Vec<_> = faults.iter().map(|fault| (fault.code.as_str(), fault.node.as_deref())).collect();
    assert_eq!(twice, [("ANSWER_TWICE", Some("last"))]);
}

#[test]
fn every_code_has_its_own_name() {
    let names: BTreeSet<_> = FaultCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), FaultCode::ALL.len());
}
