//! Typed conditions.

use serde_json::json;

use super::*;

fn decide(condition: Value) -> Result<bool, ExpressionError> {
    let conditions: Conditions = serde_json::from_value(condition).expect("conditions");
    conditions.prepare().map_err(|faults| faults[0].clone())?.decide(&context())
}

fn one(left: Value, operator: &str, right: Option<Value>) -> Result<bool, ExpressionError> {
    let mut condition = json!({"left": left, "operator": operator});
    if let Some(right) = right {
        condition["right"] = right;
    }
    decide(json!({"conditions": [condition]}))
}

#[test]
fn operators_compare_values_of_one_type() {
    for (left, operator, right, expected) in [
        (json!("{{ input.count }}"), "equals", json!(5), true),
        (json!("{{ input.count }}"), "equals", json!("{{ 5.0 }}"), true),
        (json!("{{ input.count }}"), "not_equals", json!(5), false),
        (json!("{{ input.nothing }}"), "equals", json!("x"), false),
        (json!("{{ input.nothing }}"), "not_equals", json!(0), true),
        (json!("{{ input.count }}"), "greater_than", json!(4.5), true),
        (json!("{{ input.count }}"), "at_least", json!(5), true),
        (json!("{{ input.count }}"), "less_than", json!(5), false),
        (json!("{{ input.count }}"), "at_most", json!(5), true),
        (json!("a"), "less_than", json!("b"), true),
        (json!("{{ input.list }}"), "contains", json!(2), true),
        (json!("{{ input.list }}"), "not_contains", json!(2), false),
        (json!("{{ input.name }}"), "contains", json!("d"), true),
        (json!(2), "in", json!("{{ input.list }}"), true),
        (json!(9), "not_in", json!([1, 2]), true),
        (json!("{{ input.name }}"), "starts_with", json!("A"), true),
        (json!("{{ input.name }}"), "ends_with", json!("A"), false),
        (json!("{{ input.name }}"), "matches", json!("^A.a$"), true),
        (json!("2026-03-01T00:30:00+01:00"), "before", json!("2026-03-01"), true),
        (json!("{{ now() }}"), "after", json!("2026-03-01T10:00:00+02:00"), true),
    ] {
        let found = one(left.clone(), operator, Some(right.clone()));
        assert_eq!(found, Ok(expected), "{left} {operator} {right}");
    }
}

/// [n8n#12969] [n8n#1099]
#[test]
fn operators_without_a_right_side() {
    for (left, operator, expected) in [
        (json!("{{ input.nothing }}"), "is_empty", true),
        (json!("{{ input.empty }}"), "is_empty", true),
        (json!("{{ input.list }}"), "is_not_empty", true),
        (json!("{{ 0 }}"), "is_empty", false),
        (json!("{{ input.nothing }}"), "is_null", true),
        (json!("{{ input.empty }}"), "is_not_null", true),
        (json!("{{ input.yes }}"), "is_true", true),
        (json!("{{ input.yes }}"), "is_false", false),
        (json!("{{ input.nothing }}"), "exists", true),
        (json!("{{ input.missing.deeper }}"), "exists", false),
        (json!("{{ nodes.other.output }}"), "not_exists", true),
    ] {
        assert_eq!(one(left.clone(), operator, None), Ok(expected), "{left} {operator}");
    }
}

/// [n8n#9493], and what MiniJinja answers with false: `null > 3`, `5 > '3'`.
#[test]
fn other_types_are_errors_and_not_false() {
    for (left, operator, right, code) in [
        (json!("{{ input.text5 }}"), "equals", json!(5), "EXPR_TYPE"),
        (json!("{{ input.nothing }}"), "greater_than", json!(3), "EXPR_TYPE"),
        (json!(5), "greater_than", json!("3"), "EXPR_TYPE"),
        (json!("{{ input.yes }}"), "equals", json!("true"), "EXPR_TYPE"),
        (json!(5), "starts_with", json!("5"), "EXPR_TYPE"),
        (json!(5), "contains", json!(5), "EXPR_TYPE"),
        (json!("soon"), "before", json!("2026-03-01"), "EXPR_ARGUMENT"),
        (json!("{{ input.missing }}"), "equals", json!(1), "EXPR_MISSING"),
        (json!("x"), "matches", json!("{{ '(' }}"), "EXPR_ARGUMENT"),
    ] {
        let error = one(left.clone(), operator, Some(right)).expect_err(operator);
        assert_eq!(error.code(), code, "{left} {operator}");
        assert!(error.pointer.starts_with("/conditions/0"), "{}", error.pointer);
    }
    assert_eq!(one(json!("true"), "is_true", None).expect_err("text").code(), "EXPR_TYPE");
    assert_eq!(
        one(json!("{{ input.missing }}"), "is_empty", None).expect_err("missing").code(),
        "EXPR_MISSING"
    );
}

#[test]
fn case_is_ignored_on_request() {
    let conditions = |ignore: bool| {
        let condition =
            json!({"left": "{{ input.name }}", "operator": "equals", "right": "ADA", "ignore_case": ignore});
        decide(json!({"conditions": [condition]}))
    };
    assert_eq!((conditions(true), conditions(false)), (Ok(true), Ok(false)));
}

#[test]
fn groups_combine_and_the_first_that_decides_ends_it() {
    let yes = json!({"left": 1, "operator": "equals", "right": 1});
    let no = json!({"left": 1, "operator": "equals", "right": 2});
    let broken = json!({"left": "{{ input.missing }}", "operator": "equals", "right": 2});
    for (conditions, expected) in [
        (json!({"conditions": [yes, yes]}), true),
        (json!({"conditions": [yes, no]}), false),
        (json!({"combinator": "any", "conditions": [no, yes]}), true),
        (json!({"combinator": "any", "conditions": [no, no]}), false),
        (json!({"combinator": "any", "conditions": [yes, broken]}), true),
        (json!({"conditions": [no, broken]}), false),
        (json!({"conditions": [yes], "groups": [{"combinator": "any", "conditions": [no, yes]}]}), true),
        (json!({"groups": [{"conditions": [no]}, {"conditions": [broken]}]}), false),
    ] {
        assert_eq!(decide(conditions.clone()), Ok(expected), "{conditions}");
    }
}

#[test]
fn faults_are_reported_all_at_once_with_their_places() {
    let conditions: Conditions = serde_json::from_value(json!({
        "conditions": [
            {"left": "{{ a }}", "operator": "equals", "right": "{{ ( }}"},
            {"left": 1, "operator": "equals"},
            {"left": 1, "operator": "is_empty", "right": 1},
            {"left": "x", "operator": "matches", "right": "("},
        ],
        "groups": [{"conditions": []}],
    }))
    .expect("conditions");
    let faults = conditions.prepare().expect_err("faults");
    let found: Vec<(&str, &str)> =
        faults.iter().map(|fault| (fault.pointer.as_str(), fault.code())).collect();
    assert_eq!(
        found,
        [
            ("/conditions/0/left", "EXPR_UNKNOWN_NAME"),
            ("/conditions/0/right", "EXPR_SYNTAX"),
            ("/conditions/1", "EXPR_ARGUMENT"),
            ("/conditions/2", "EXPR_ARGUMENT"),
            ("/conditions/3/right", "EXPR_ARGUMENT"),
            ("/groups/0", "EXPR_ARGUMENT"),
        ]
    );
}

#[test]
fn unknown_fields_and_operators_are_refused_and_sizes_are_bounded() {
    for wrong in [
        json!({"conditions": [{"left": 1, "operator": "resembles", "right": 1}]}),
        json!({"conditions": [{"left": 1, "operator": "is_empty", "type": "text"}]}),
        json!({"conditions": [], "or": []}),
    ] {
        assert!(serde_json::from_value::<Conditions>(wrong.clone()).is_err(), "{wrong}");
    }
    let leaf = json!({"left": 1, "operator": "is_empty"});
    assert_eq!(
        decide(json!({"conditions": vec![leaf.clone(); 101]})).expect_err("many").code(),
        "EXPR_ARGUMENT"
    );
    let mut deep = json!({"conditions": [leaf]});
    for _ in 0..5 {
        deep = json!({"groups": [deep]});
    }
    assert_eq!(decide(deep).expect_err("deep").code(), "EXPR_TOO_DEEP");
}

#[test]
fn conditions_say_what_they_name() {
    let conditions: Conditions = serde_json::from_value(json!({
        "conditions": [{"left": "{{ nodes.a.output }}", "operator": "equals", "right": "{{ nodes.b.output }}"}],
        "groups": [{"conditions": [{"left": "{{ nodes.c.output }}", "operator": "exists"}]}],
    }))
    .expect("conditions");
    let references = conditions.prepare().expect("conditions").references();
    assert_eq!(references.nodes().into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    let optional: Vec<(&str, bool)> =
        references.iter().map(|reference| (reference.pointer.as_str(), reference.optional)).collect();
    assert_eq!(
        optional,
        [
            ("/conditions/0/left", false),
            ("/conditions/0/right", false),
            ("/groups/0/conditions/0/left", true),
        ]
    );
}
