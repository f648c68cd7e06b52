//! Nodes that decide, and the one that makes an object.

use super::*;

fn port(name: &str, config: Value, input: Value) -> String {
    match compute(name, config.clone(), input) {
        Ok(NodeOutput::Port(port)) => port,
        other => panic!("{name} {config}: {other:?}"),
    }
}

#[test]
fn a_condition_takes_exactly_one_port_whatever_the_data() {
    let config = json!({"when": {"left": "{{ input.list }}", "operator": "is_empty"}});
    for (list, expected) in
        [(json!([]), "true"), (json!([null]), "false"), (json!(null), "true"), (json!("a"), "false")]
    {
        assert_eq!(port("condition", config.clone(), json!({"list": list})), expected, "{list}");
    }
}

#[test]
fn a_condition_fails_where_it_cannot_be_decided() {
    let config = json!({"when": {"left": "{{ input.a }}", "operator": "greater_than", "right": 3}});
    for (input, code, place) in [
        (json!({}), "EXPR_MISSING", "/when/left: "),
        (json!({"a": null}), "EXPR_TYPE", "/when: "),
        (json!({"a": "4"}), "EXPR_TYPE", "/when: "),
    ] {
        let (found, message) = failure("condition", config.clone(), input.clone());
        assert_eq!(found, code, "{input}");
        assert!(message.starts_with(place), "{input}: {message}");
    }
}

#[test]
fn a_switch_takes_the_first_rule_that_holds() {
    let rule = |key: &str, right: i64| json!({"key": key, "when": {"left": "{{ input.n }}", "operator": "at_least", "right": right}});
    let config = json!({"rules": [rule("large", 100), rule("small", 10), rule("never", 10)]});
    for (n, expected) in [(500, "large"), (100, "large"), (99, "small"), (9, "default")] {
        assert_eq!(port("switch", config.clone(), json!({"n": n})), expected, "{n}");
    }
    assert_eq!(port("switch", json!({"rules": []}), json!(null)), "default");
}

#[test]
fn rules_after_the_one_that_holds_are_not_evaluated() {
    let config = json!({"rules": [
        {"key": "a", "when": {"left": 1, "operator": "equals", "right": 1}},
        {"key": "b", "when": {"left": "{{ input.missing }}", "operator": "is_true"}},
    ]});
    assert_eq!(port("switch", config, json!({})), "a");
}

#[test]
fn a_transform_makes_an_object() {
    let config = json!({"fields": {"a": "{{ input.n }}", "b": {"c": ["{{ input.n + 1 }}"]}, "d": null}});
    assert_eq!(value("transform", config, json!({"n": 1})), json!({"a": 1, "b": {"c": [2]}, "d": null}));
}

#[test]
fn a_transform_may_keep_the_fields_of_its_input() {
    let config = json!({"keep_input": true, "fields": {"n": 2, "é": "{{ input.n }}"}});
    assert_eq!(
        value("transform", config.clone(), json!({"n": 1, "m": null})),
        json!({"n": 2, "m": null, "é": 1})
    );
    assert_eq!(value("transform", json!({"keep_input": true, "fields": {}}), json!(null)), json!({}));
    let config = json!({"keep_input": true, "fields": {}});
    assert_eq!(failure("transform", config, json!([1])).0, "DATA_INVALID");
}

#[test]
fn a_while_node_sees_its_round_and_what_the_one_before_gave() {
    let config = json!({"when": {"conditions": [
        {"left": "{{ item.next }}", "operator": "is_not_null"}, {"left": "{{ index }}", "operator": "less_than", "right": 2},
    ]}});
    for (round, next, holds) in [(0, json!("a"), true), (1, json!(null), false), (2, json!("a"), false)] {
        let mut work = work(json!(null));
        work.context = work.context.with(Root::Item, json!({"next": next})).with(Root::Index, json!(round));
        assert_eq!(compute_with("while", config.clone(), work), Ok(NodeOutput::Round(holds)), "{round}");
    }
}

#[test]
fn a_stop_fails_with_its_code_and_message() {
    let config = json!({"code": "NO_STOCK", "message": "None of {{ input.sku }} is left."});
    let found = failure("stop", config, json!({"sku": "b1"}));
    assert_eq!(found, ("NO_STOCK".to_owned(), "None of b1 is left.".to_owned()));
    assert_eq!(failure("stop", json!({"message": ""}), json!(null)).0, "STOPPED");
}

#[test]
fn a_sub_workflow_is_named_by_its_id() {
    let id = "019aa0b2-0000-7000-8000-000000000001";
    let child = |config| compute("sub_workflow", config, json!({"id": id, "n": 1}));
    let workflow_id = id.parse().unwrap();
    for (config, input) in [
        (json!({"workflow": "{{ input.id }}"}), None),
        (json!({"workflow": id, "input": null}), Some(json!(null))),
        (json!({"workflow": id, "input": {"n": "{{ input.n }}"}}), Some(json!({"n": 1}))),
    ] {
        assert_eq!(child(config.clone()), Ok(NodeOutput::Child { workflow_id, input }), "{config}");
    }
    assert_eq!(failure("sub_workflow", json!({"workflow": "monthly"}), json!(null)).0, "CONFIG_INVALID");
}
