//! Nodes that work on lists.

use super::*;

/// Configs of every node that takes a list, which read it from the input.
fn all(items: &Value) -> Vec<(&'static str, Value)> {
    let when = json!({"left": "{{ item }}", "operator": "exists"});
    vec![
        ("filter", json!({"items": items, "when": when})),
        ("list_split", json!({"items": items})),
        ("list_aggregate", json!({"items": items, "operation": "count"})),
        ("list_sort", json!({"items": items})),
        ("list_limit", json!({"items": items, "count": 3})),
        ("list_dedupe", json!({"items": items})),
        ("list_group", json!({"items": items, "by": "a"})),
        ("loop", json!({"items": items})),
    ]
}

#[test]
fn what_is_no_list_is_refused_by_name() {
    for input in [json!(null), json!(5), json!("a"), json!({"a": 1})] {
        for (name, config) in all(&json!("{{ input }}")) {
            let (code, message) = failure(name, config, input.clone());
            assert_eq!(code, "CONFIG_INVALID", "{name} {input}");
            assert!(message.starts_with("/items: "), "{name}: {message}");
        }
    }
}

#[test]
fn a_list_that_is_missing_is_refused() {
    for (name, config) in all(&json!("{{ input.rows }}")) {
        assert_eq!(failure(name, config, json!({})).0, "EXPR_MISSING", "{name}");
    }
}

#[test]
fn an_empty_list_gives_nothing_and_no_error() {
    for (name, config) in all(&json!("{{ input }}")) {
        let expected = match name {
            "list_aggregate" => NodeOutput::Value(json!(0)),
            "loop" => NodeOutput::Items(Vec::new()),
            _ => NodeOutput::Value(json!([])),
        };
        assert_eq!(compute(name, config, json!([])), Ok(expected), "{name}");
    }
}

#[test]
fn a_list_that_is_too_long_is_refused() {
    let long: Vec<u32> = (0..100_001).collect();
    for (name, config) in all(&json!("{{ input }}")) {
        assert_eq!(failure(name, config, json!(long)).0, "TOO_MANY_ITEMS", "{name}");
    }
    let loops =
        |count: u32| compute("loop", json!({"items": "{{ input }}"}), json!((0..count).collect::<Vec<_>>()));
    assert!(loops(10_000).is_ok());
    assert_eq!(loops(10_001).unwrap_err().code, "TOO_MANY_ITEMS");
}

#[test]
fn a_filter_keeps_what_its_condition_holds_for() {
    let config = json!({"items": "{{ input.list }}", "when": {"conditions": [
        {"left": "{{ item.price }}", "operator": "at_least", "right": "{{ input.least }}"},
        {"left": "{{ index }}", "operator": "greater_than", "right": 0},
    ]}});
    let input = json!({"least": 2, "list": [{"price": 9}, {"price": 1}, {"price": 2.0, "name": "é"}]});
    assert_eq!(value("filter", config, input), json!([{"price": 2.0, "name": "é"}]));
}

#[test]
fn a_filter_names_the_item_that_cannot_be_compared() {
    let config =
        json!({"items": "{{ input }}", "when": {"left": "{{ item }}", "operator": "less_than", "right": 3}});
    let (code, message) = failure("filter", config, json!([1, "two"]));
    assert_eq!(code, "EXPR_TYPE");
    assert!(message.starts_with("Item 1: /when: "), "{message}");
}

#[test]
fn a_filter_ends_with_the_time_of_its_attempt() {
    let late = Work { deadline: Instant::now(), ..work(json!([1])) };
    let config = json!({"items": "{{ input }}", "when": {"left": 1, "operator": "exists"}});
    let failure = compute_with("filter", config, late).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("TIMEOUT", Some(true)));
}

#[test]
fn aggregates_count_what_is_there() {
    let lines = json!([{"p": 4}, {"p": 1.5}, {"p": null}, {}, {"p": 3}]);
    for (operation, expected) in [
        ("count", json!(3)),
        ("sum", json!(8.5)),
        ("average", json!(8.5 / 3.0)),
        ("min", json!(1.5)),
        ("max", json!(4)),
        ("collect", json!([4, 1.5, 3])),
    ] {
        let config = json!({"items": "{{ input }}", "operation": operation, "field": "p"});
        assert_eq!(value("list_aggregate", config, lines.clone()), expected, "{operation}");
    }
}

#[test]
fn aggregates_of_nothing_are_null_where_there_is_no_number() {
    for (operation, expected) in [
        ("count", json!(0)),
        ("sum", json!(0)),
        ("average", json!(null)),
        ("min", json!(null)),
        ("max", json!(null)),
        ("collect", json!([])),
    ] {
        let config = json!({"items": "{{ input }}", "operation": operation, "field": "a.b"});
        assert_eq!(value("list_aggregate", config, json!([null, {"a": 1}])), expected, "{operation}");
    }
}

#[test]
fn aggregates_are_exact_and_refuse_other_types() {
    let aggregate = |operation: &str| json!({"items": "{{ input }}", "operation": operation});
    let large = json!([9_007_199_254_740_993_i64, 1]);
    assert_eq!(value("list_aggregate", aggregate("sum"), large), json!(9_007_199_254_740_994_i64));
    assert_eq!(value("list_aggregate", aggregate("max"), json!(["a", "é", "b"])), json!("é"));
    for (operation, input) in [
        ("sum", json!([1, "2"])),
        ("average", json!([true])),
        ("min", json!([1, "a"])),
        ("max", json!([[1]])),
        ("sum", json!([u64::MAX, u64::MAX])),
    ] {
        assert_eq!(failure("list_aggregate", aggregate(operation), input).0, "DATA_INVALID", "{operation}");
    }
}

#[test]
fn a_sort_is_stable_and_puts_what_is_missing_last() {
    let config =
        json!({"items": "{{ input }}", "by": [{"field": "a.n", "descending": true}, {"field": "b"}]});
    let input = json!([
        {"a": {"n": 1}, "b": "z"}, {"b": "none"}, {"a": {"n": 2.0}, "b": "y"}, {"a": {"n": 2}, "b": "x"},
        {"a": {"n": null}, "b": "a"}, {"a": {"n": 1}, "b": "z", "second": true},
    ]);
    let expected = json!([
        {"a": {"n": 2}, "b": "x"}, {"a": {"n": 2.0}, "b": "y"}, {"a": {"n": 1}, "b": "z"},
        {"a": {"n": 1}, "b": "z", "second": true}, {"a": {"n": null}, "b": "a"}, {"b": "none"},
    ]);
    assert_eq!(value("list_sort", config, input), expected);
    let plain = json!({"items": "{{ input }}", "descending": true});
    assert_eq!(value("list_sort", plain, json!([1, null, 3, 2])), json!([3, 2, 1, null]));
}

#[test]
fn a_sort_of_large_and_mixed_numbers_has_one_order() {
    let config = json!({"items": "{{ input }}"});
    let numbers =
        json!([9_007_199_254_740_993_i64, 9_007_199_254_740_992.0, 9_007_199_254_740_992_i64, 0.5, -1]);
    let sorted = value("list_sort", config.clone(), numbers);
    let expected =
        json!([-1, 0.5, 9_007_199_254_740_992.0, 9_007_199_254_740_992_i64, 9_007_199_254_740_993_i64]);
    assert_eq!(sorted, expected);
    let (code, message) = failure("list_sort", config, json!([1, "a"]));
    assert_eq!(code, "DATA_INVALID");
    assert!(message.starts_with("Item 1: "), "{message}");
}

#[test]
fn a_limit_takes_from_either_end() {
    for (count, from_end, expected) in [
        (json!(2), false, json!([1, 2])),
        (json!(2), true, json!([2, 3])),
        (json!(0), true, json!([])),
        (json!(9), true, json!([1, 2, 3])),
        (json!("{{ input | length - 2 }}"), false, json!([1])),
    ] {
        let config = json!({"items": "{{ input }}", "count": count, "from_end": from_end});
        assert_eq!(value("list_limit", config.clone(), json!([1, 2, 3])), expected, "{config}");
    }
    let negative = json!({"items": "{{ input }}", "count": "{{ 0 - 1 }}"});
    let (code, message) = failure("list_limit", negative, json!([]));
    assert_eq!(code, "CONFIG_INVALID");
    assert!(message.starts_with("/count: "), "{message}");
}

#[test]
fn duplicates_are_found_by_value() {
    let whole = json!({"items": "{{ input }}"});
    let input = json!([1, 1.0, "1", {"a": 1, "b": 2}, {"b": 2, "a": 1.0}, [1], [1.0], null, null]);
    assert_eq!(value("list_dedupe", whole, input), json!([1, "1", {"a": 1, "b": 2}, [1], null]));
    let by = json!({"items": "{{ input }}", "by": ["id", "at.0"]});
    let input =
        json!([{"id": 1, "at": ["a"]}, {"id": 1, "at": ["b"]}, {"id": 1.0, "at": ["a"]}, {}, {"id": null}]);
    assert_eq!(value("list_dedupe", by, input), json!([{"id": 1, "at": ["a"]}, {"id": 1, "at": ["b"]}, {}]));
}

#[test]
fn groups_keep_the_order_in_which_their_keys_came() {
    let config = json!({"items": "{{ input }}", "by": "k"});
    let input = json!([{"k": "ü", "n": 1}, {"k": 2}, {"k": "ü", "n": 3}, {}, {"k": null}]);
    let expected = json!([
        {"key": "ü", "items": [{"k": "ü", "n": 1}, {"k": "ü", "n": 3}]},
        {"key": 2, "items": [{"k": 2}]},
        {"key": null, "items": [{}, {"k": null}]},
    ]);
    assert_eq!(value("list_group", config, input), expected);
}

#[test]
fn a_loop_may_take_its_items_in_batches() {
    let config = json!({"items": "{{ input }}", "batch_size": 2});
    let batches = vec![json!([1, 2]), json!([3, 4]), json!([5])];
    assert_eq!(compute("loop", config, json!([1, 2, 3, 4, 5])), Ok(NodeOutput::Items(batches)));
    let config = json!({"items": [1, "{{ input.a }}"]});
    assert_eq!(compute("loop", config, json!({"a": 7})), Ok(NodeOutput::Items(vec![json!(1), json!(7)])));
}
