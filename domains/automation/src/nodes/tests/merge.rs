//! Merges.

use super::*;

fn merged(config: Value, branches: &[Option<Value>]) -> Result<Value, NodeFailure> {
    let branch = |(index, value): (usize, &Option<Value>)| Branch {
        source: format!("branch{index}"),
        value: value.clone().map(Arc::new),
    };
    let work = Work { branches: branches.iter().enumerate().map(branch).collect(), ..work(json!(null)) };
    match compute_with("merge", config, work)? {
        NodeOutput::Value(value) => Ok(value),
        other => panic!("{other:?}"),
    }
}

fn expect(config: Value, branches: &[Option<Value>], expected: Value) {
    assert_eq!(merged(config.clone(), branches), Ok(expected), "{config}");
}

#[test]
fn lists_are_appended_in_the_order_of_the_edges() {
    let branches = [Some(json!([1])), None, Some(json!({"a": 2})), Some(json!([])), Some(json!(null))];
    expect(json!({}), &branches, json!([1, {"a": 2}, null]));
}

#[test]
fn the_first_taken_branch_is_chosen() {
    expect(json!({"mode": "choose"}), &[None, Some(json!({"a": 1})), Some(json!(2))], json!({"a": 1}));
    expect(json!({"mode": "choose"}), &[Some(json!(null)), Some(json!(2))], json!(null));
}

#[test]
fn items_of_the_same_place_become_one() {
    let branches =
        [Some(json!([{"a": 1, "x": 1}, {"a": 2}])), Some(json!([{"b": 1, "x": 2}, {"b": 2}, {"b": 3}]))];
    let both = [json!({"a": 1, "b": 1, "x": 2}), json!({"a": 2, "b": 2})];
    for (keep, rest) in [("inner", vec![]), ("left", vec![]), ("outer", vec![json!({"b": 3})])] {
        let expected: Vec<Value> = both.iter().cloned().chain(rest).collect();
        expect(json!({"mode": "position", "keep": keep}), &branches, json!(expected));
    }
    let swapped = [branches[1].clone(), branches[0].clone()];
    for (keep, count) in [("inner", 2), ("left", 3), ("outer", 3)] {
        let found = merged(json!({"mode": "position", "keep": keep}), &swapped).unwrap();
        assert_eq!(found.as_array().unwrap().len(), count, "{keep}");
    }
}

#[test]
fn items_that_agree_in_fields_become_one() {
    let left = json!([{"id": 1, "l": "a"}, {"id": 2, "l": "b"}, {"id": null, "l": "c"}, {"l": "d"}]);
    let right =
        json!([{"id": 1.0, "r": "x"}, {"id": 1, "r": "y"}, {"id": 3, "r": "z"}, {"id": null, "r": "n"}]);
    let branches = [Some(left), Some(right)];
    let matched = [json!({"id": 1.0, "l": "a", "r": "x"}), json!({"id": 1, "l": "a", "r": "y"})];
    let alone_left = [json!({"id": 2, "l": "b"}), json!({"id": null, "l": "c"}), json!({"l": "d"})];
    let alone_right = [json!({"id": 3, "r": "z"}), json!({"id": null, "r": "n"})];
    for (keep, rest) in [
        ("inner", vec![]),
        ("left", alone_left.to_vec()),
        ("outer", alone_left.iter().chain(&alone_right).cloned().collect()),
    ] {
        let expected: Vec<Value> = matched.iter().cloned().chain(rest).collect();
        expect(json!({"mode": "fields", "fields": ["id"], "keep": keep}), &branches, json!(expected));
    }
}

#[test]
fn three_branches_are_joined_one_after_the_other() {
    let of = |field: &str| Some(json!([{"id": 1, field: 1}]));
    let config = json!({"mode": "fields", "fields": ["id"]});
    expect(config, &[of("a"), of("b"), of("c")], json!([{"id": 1, "a": 1, "b": 1, "c": 1}]));
}

#[test]
fn a_branch_that_was_not_taken_takes_no_part() {
    let one = Some(json!([{"id": 1}]));
    for mode in ["append", "position", "pairs"] {
        expect(json!({"mode": mode}), &[None, one.clone(), None], json!([{"id": 1}]));
    }
    expect(json!({"mode": "fields", "fields": ["id"]}), &[None, one], json!([{"id": 1}]));
}

#[test]
fn all_pairs_are_capped() {
    let of = |field: &str, count: u32| Some(json!((0..count).map(|n| json!({field: n})).collect::<Vec<_>>()));
    expect(
        json!({"mode": "pairs"}),
        &[of("a", 2), of("b", 2)],
        json!([{"a": 0, "b": 0}, {"a": 0, "b": 1}, {"a": 1, "b": 0}, {"a": 1, "b": 1}]),
    );
    expect(json!({"mode": "pairs"}), &[of("a", 2), of("b", 0)], json!([]));
    assert!(merged(json!({"mode": "pairs"}), &[of("a", 100), of("b", 100)]).is_ok());
    let failure = merged(json!({"mode": "pairs"}), &[of("a", 101), of("b", 100)]).unwrap_err();
    assert_eq!(failure.code, "TOO_MANY_ITEMS");
}

#[test]
fn many_matches_are_capped() {
    let of = |field: &str| Some(json!(vec![json!({"id": 1, field: 1}); 400]));
    let failure = merged(json!({"mode": "fields", "fields": ["id"]}), &[of("a"), of("b")]).unwrap_err();
    assert_eq!(failure.code, "TOO_MANY_ITEMS");
}

#[test]
fn what_is_no_object_is_refused_by_branch_and_item() {
    for mode in ["position", "pairs"] {
        let failure = merged(json!({"mode": mode}), &[Some(json!([{}])), Some(json!([{}, 5]))]).unwrap_err();
        assert_eq!(failure.code, "DATA_INVALID");
        assert_eq!(failure.message, "Branch branch1: Item 1 is a number, not an object.");
    }
    expect(
        json!({"mode": "position"}),
        &[Some(json!({"a": 1})), Some(json!([{"b": 2}]))],
        json!([{"a": 1, "b": 2}]),
    );
}
