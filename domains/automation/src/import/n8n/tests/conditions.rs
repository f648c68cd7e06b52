//! Conditions, switches and filters.

use super::*;

fn second(left: &str, operation: &str, kind: &str, right: Value) -> Value {
    let condition = json!({
        "leftValue": left, "rightValue": right, "operator": {"type": kind, "operation": operation}
    });
    json!({"conditions": {"combinator": "and", "options": {"caseSensitive": true}, "conditions": [condition]}})
}

#[test]
fn conditions_of_the_second_version_become_ours() {
    for (left, operation, kind, right, expected) in [
        (
            "={{ $json.a }}",
            "equals",
            "string",
            json!("x"),
            json!({"left": "{{ default(input.a, null) }}", "operator": "equals", "right": "x"}),
        ),
        (
            "={{ $json.a }}",
            "gt",
            "number",
            json!("5"),
            json!({"left": "{{ input.a }}", "operator": "greater_than", "right": 5}),
        ),
        (
            "={{ $json.a }}",
            "true",
            "boolean",
            json!(""),
            json!({"left": "{{ default(input.a, false) }}", "operator": "is_true"}),
        ),
        (
            "={{ $json.a }}",
            "notStartsWith",
            "string",
            json!("x"),
            json!({"left": "{{ not starts_with(input.a, \"x\") }}", "operator": "is_true"}),
        ),
        (
            "={{ $json.a }}",
            "lengthGte",
            "array",
            json!(2),
            json!({"left": "{{ length(input.a) }}", "operator": "at_least", "right": 2}),
        ),
        (
            "={{ $json.a }}",
            "empty",
            "string",
            json!(""),
            json!({"left": "{{ default(input.a, null) }}", "operator": "is_empty"}),
        ),
    ] {
        let (node, reported) = it(&alone("if", 2.2, second(left, operation, kind, right)));
        assert_eq!((node.kind.as_str(), reported.status), ("condition", ImportStatus::Exact), "{reported:?}");
        assert_eq!(node.config["when"], expected, "{operation}");
    }
}

#[test]
fn conditions_of_the_first_version_are_nearly_the_same() {
    let conditions = json!({
        "conditions": {
            "string": [{"value1": "={{ $json.a }}", "operation": "contains", "value2": "x"}],
            "number": [{"value1": "={{$json[\"b\"]}}", "value2": 3}]
        },
        "combineOperation": "any"
    });
    let (node, reported) = it(&alone("if", 1.0, conditions));
    assert_eq!(reported.status, ImportStatus::Approximated);
    assert_eq!(
        node.config["when"],
        json!({"combinator": "any", "conditions": [
            {"left": "{{ input.b }}", "operator": "less_than", "right": 3},
            {"left": "{{ input.a }}", "operator": "contains", "right": "x"},
        ]})
    );
}

#[test]
fn an_unknown_operator_makes_a_placeholder() {
    let (node, reported) = it(&alone("if", 2.0, second("={{ $json.a }}", "sounds", "string", json!("x"))));
    assert_eq!((node.kind.as_str(), reported.status), ("not_imported", ImportStatus::Placeholder));
    assert!(reported.reasons[0].contains("sounds"), "{reported:?}");
}

#[test]
fn switches_of_all_versions_have_their_outputs() {
    let conditions = |right: &str| second("={{ $json.a }}", "equals", "string", json!(right));
    let rules = json!({"rules": {"values": [conditions("x"), conditions("y")]}, "options": {"fallbackOutput": "extra"}});
    let nodes = [
        node("Start", "manualTrigger", 1.0, json!({})),
        node("It", "switch", 3.2, rules),
        node("A", "noOp", 1.0, json!({})),
        node("B", "noOp", 1.0, json!({})),
    ];
    let draft = imported(&document(&nodes, "Start>It It.1>A It.2>B"));
    let edges: Vec<String> = draft.graph.edges.iter().map(crate::graph::Edge::id).collect();
    assert!(
        edges.contains(&"it.rule_1>a.in".to_owned()) && edges.contains(&"it.default>b.in".to_owned()),
        "{edges:?}"
    );

    let older = json!({
        "value1": "={{ $json.a }}", "dataType": "string", "fallbackOutput": 0,
        "rules": {"rules": [{"value2": "x"}, {"value2": "y", "output": 1, "operation": "=contains"}]}
    });
    let nodes = [
        node("Start", "manualTrigger", 1.0, json!({})),
        node("It", "switch", 1.0, older),
        node("A", "noOp", 1.0, json!({})),
    ];
    let draft = imported(&document(&nodes, "Start>It It>A"));
    let edges: Vec<String> = draft.graph.edges.iter().map(crate::graph::Edge::id).collect();
    assert!(
        edges.contains(&"it.rule_0>a.in".to_owned()) && edges.contains(&"it.default>a.in".to_owned()),
        "{edges:?}"
    );
    assert_eq!(errors(&draft.graph), Vec::<String>::new());

    let by_number = json!({"mode": "expression", "numberOutputs": 2, "output": "={{ $json.n }}"});
    let (node, _) = it(&alone("switch", 3.0, by_number));
    assert_eq!(node.config["rules"][1]["when"]["right"], 1);
}

#[test]
fn a_filter_lets_one_item_through_and_filters_a_list() {
    let asks = second("={{ $json.paid }}", "true", "boolean", json!(""));
    assert_eq!(it(&alone("filter", 2.0, asks.clone())).0.kind, "condition");
    let (node, _) = it(&after_list("filter", 2.0, asks));
    assert_eq!(node.config["items"], "{{ input }}");
    assert_eq!(node.config["when"]["left"], "{{ default(item.paid, false) }}");
}
