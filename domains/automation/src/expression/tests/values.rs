//! What values are, what is missing, and how operators treat types.

use serde_json::json;

use super::*;

/// [n8n PR#36136]
#[test]
fn a_missing_value_is_an_error_that_names_its_path() {
    for (text, path) in [
        ("Hello, {{ input.missing }}", "input.missing"),
        ("{{ input.address.street }}", "input.address.street"),
        ("{{ input.missing.deeper.still }}", "input.missing"),
        ("{{ input['missing'] }}", "input[\"missing\"]"),
        ("{{ input.list[3] }}", "input.list[3]"),
        ("{{ input.nothing.name }}", "input.nothing.name"),
        ("{{ input.name.first }}", "input.name.first"),
        ("{{ nodes.other.output }}", "nodes.other"),
        ("{{ inputs.left }}", "inputs"),
        ("{{ input.missing == 3 }}", "input.missing"),
        ("{{ not input.missing }}", "input.missing"),
        ("{{ input.missing or 1 }}", "input.missing"),
        ("{{ input.missing | upper }}", "input.missing"),
        ("{{ [input.missing] }}", "input.missing"),
    ] {
        let error = evaluate(text).expect_err(text);
        assert_eq!(error.fault, Fault::Missing { path: path.into() }, "{text}");
        assert_eq!(error.code(), "EXPR_MISSING");
    }
}

#[test]
fn an_expression_may_say_what_to_do_about_a_missing_value() {
    expect(&[
        ("input.missing | default('none')", json!("none")),
        ("input.missing.deeper.still | default(0)", json!(0)),
        ("default(nodes.other.output, [])", json!([])),
        ("input.missing | default", json!("")),
        ("input.name | default('none')", json!("Ada")),
        ("input.nothing | default('none')", json!(null)),
        ("input.nothing | default('none', true)", json!("none")),
        ("input.empty | default('none', true)", json!("none")),
        ("coalesce(input.missing, input.nothing, input.name)", json!("Ada")),
        ("coalesce(input.missing)", json!(null)),
        ("input.missing is defined", json!(false)),
        ("input.missing is undefined", json!(true)),
        ("input.nothing is defined", json!(true)),
        ("input.missing is defined and input.missing > 3", json!(false)),
        ("input.missing if input.missing is defined else 'none'", json!("none")),
        ("if_else(input.yes, 1, input.missing)", json!(1)),
        ("get(input, 'address.city')", json!("Zürich")),
        ("get(input, 'address.street', 'none')", json!("none")),
    ]);
    expect_codes(&[("get(input, 'address.street')", "EXPR_MISSING"), ("1 if false", "EXPR_MISSING")]);
}

/// [n8n PR#7313]
#[test]
fn null_stays_null_and_renders_empty() {
    assert_eq!(value("{{ input.nothing }}"), json!(null));
    assert_eq!(value("{{ null }}"), json!(null));
    assert_eq!(value("<{{ input.nothing }}>"), json!("<>"));
    assert_eq!(value("{{ input.nothing ~ 'x' }}"), json!("x"));
}

/// [n8n#139]
#[test]
fn a_key_with_null_does_not_vanish() {
    let parameter = Parameter::parse(&json!({"a": "{{ input.nothing }}", "b": null})).expect("parameters");
    let resolved = parameter.resolve(&context()).expect("resolved").into_value();
    assert_eq!(resolved, Ok(json!({"a": null, "b": null})));
    expect(&[("{'a': input.nothing}", json!({"a": null}))]);
}

/// [n8n#11766]
#[test]
fn a_list_with_null_stays_a_list_with_null() {
    expect(&[("input.nulls", json!([null])), ("[null, none]", json!([null, null]))]);
    assert_eq!(value("is {{ input.nulls }}"), json!("is [null]"));
}

/// [n8n#9493]
#[test]
fn a_number_stays_a_number_and_text_stays_text() {
    expect(&[
        ("input.count", json!(5)),
        ("input.text5", json!("5")),
        ("input.price", json!(2.5)),
        ("input.yes", json!(true)),
        ("input.address", json!({"city": "Zürich", "a-b": 1})),
        ("input.unsigned", json!(18_446_744_073_709_551_615_u64)),
        ("nodes.fetch.output.status", json!(200)),
        ("input.count == input.text5", json!(false)),
        ("input.text5 | int == 5", json!(true)),
    ]);
}

/// [n8n#12237]
#[test]
fn white_space_around_one_expression_does_not_make_it_text() {
    for text in ["{{ input.count }}\n", "  {{input.count}}  ", "\n\t{{ input.count\n}}\r\n"] {
        assert_eq!(value(text), json!(5), "{text:?}");
    }
    assert_eq!(value("{{ input.count }}."), json!("5."));
    assert_eq!(value("{{ input.count }}{{ input.count }}"), json!("55"));
    assert_eq!(value(" {{ input.count }} {{ input.count }} "), json!(" 5 5 "));
}

/// [n8n#12969] [n8n#1099]
#[test]
fn null_is_empty() {
    expect(&[
        ("is_empty(null)", json!(true)),
        ("is_empty(input.nothing)", json!(true)),
        ("is_empty('')", json!(true)),
        ("is_empty([])", json!(true)),
        ("is_empty({})", json!(true)),
        ("is_empty(0)", json!(false)),
        ("is_empty(false)", json!(false)),
        ("is_empty(' ')", json!(false)),
        ("input.nothing is empty", json!(true)),
    ]);
}

#[test]
fn values_are_written_into_text() {
    for (text, expected) in [
        ("{{ input.name }} from {{ input.address.city }}", "Ada from Zürich"),
        ("{{ 1.0 }}, {{ 2.5 }}, {{ 7 }}", "1, 2.5, 7"),
        ("{{ true }} {{ input.list }} {{ {'a': 1} }}", "true [3,1,2] {\"a\":1}"),
        ("{{ '}}' }}{{ \"{{\" }}!", "}}{{!"),
        ("{% if %} {# kept #} {{ 1 }}", "{% if %} {# kept #} 1"),
        ("no expression }} {", "no expression }} {"),
        ("", ""),
    ] {
        assert_eq!(value(text), json!(expected), "{text}");
    }
}

#[test]
fn operators_calculate_with_numbers() {
    expect(&[
        ("5 + 1.5", json!(6.5)),
        ("input.count * 2 - 1", json!(9)),
        ("4 / 2", json!(2)),
        ("5 / 2", json!(2.5)),
        ("7 // 2", json!(3)),
        ("-7 // 2", json!(-4)),
        ("-7 % 3", json!(2)),
        ("7 % -3", json!(-2)),
        ("2 ** 10", json!(1024)),
        ("2 ** -1", json!(0.5)),
        ("-input.count", json!(-5)),
        ("'a' ~ 1 ~ true", json!("a1true")),
        ("'a' + 'b'", json!("ab")),
        ("[1] + [2]", json!([1, 2])),
    ]);
}

#[test]
fn types_are_not_converted_silently() {
    expect_codes(&[
        ("null > 3", "EXPR_TYPE"),
        ("5 > '3'", "EXPR_TYPE"),
        ("input.nothing < input.count", "EXPR_TYPE"),
        ("'5' + 3", "EXPR_TYPE"),
        ("null + 1", "EXPR_TYPE"),
        ("[1] > [0]", "EXPR_TYPE"),
        ("-'a'", "EXPR_TYPE"),
        ("3 in 5", "EXPR_TYPE"),
        ("input.list['first']", "EXPR_TYPE"),
        ("input.list['a':]", "EXPR_TYPE"),
        ("input.nothing | upper", "EXPR_TYPE"),
        ("{1: 2}", "EXPR_TYPE"),
    ]);
}

#[test]
fn numbers_that_do_not_fit_are_errors() {
    expect_codes(&[
        ("2 ** 63 * 2", "EXPR_OVERFLOW"),
        ("2 ** 1000", "EXPR_OVERFLOW"),
        ("input.unsigned + 1", "EXPR_OVERFLOW"),
        ("10.0 ** 400", "EXPR_OVERFLOW"),
        ("1 / 0", "EXPR_ARGUMENT"),
        ("1 % 0", "EXPR_ARGUMENT"),
        ("1.5 // 0", "EXPR_ARGUMENT"),
    ]);
    expect(&[("input.big + 1", json!(9_223_372_036_854_775_808_u64))]);
}

#[test]
fn comparisons_and_choices() {
    expect(&[
        ("1 == 1.0", json!(true)),
        ("1 < 2 < 3", json!(true)),
        ("3 > 2 > 2", json!(false)),
        ("'a' < 'b'", json!(true)),
        ("{'a': [1, 2.0]} == {'a': [1.0, 2]}", json!(true)),
        ("2 in input.list and 9 not in input.list", json!(true)),
        ("'d' in input.name", json!(true)),
        ("'city' in input.address", json!(true)),
        ("not input.empty", json!(true)),
        ("0 or 'x'", json!("x")),
        ("1 and 2", json!(2)),
        ("'many' if input.count > 3 else 'few'", json!("many")),
        ("input.count is number and input.name is string", json!(true)),
        ("input.count is odd and input.count is not even", json!(true)),
        ("input.list[0] + input.list[-1]", json!(5)),
        ("input.list[1:]", json!([1, 2])),
        ("input.name[:2]", json!("Ad")),
        ("input.address['a-b']", json!(1)),
    ]);
}
