//! Expressions of n8n and what they become.

use std::collections::BTreeSet;

use super::*;
use crate::{
    expression::Parameter,
    import::n8n::{
        expression::{as_expression, as_template},
        sight::{Base, Known, Reading, View},
    },
};

fn known() -> BTreeMap<String, Known> {
    let known = |key: &str, reading: Reading, home: Vec<usize>| Known { key: key.to_owned(), reading, home };
    BTreeMap::from([
        ("Order".to_owned(), known("order", Reading::one(), Vec::new())),
        ("My rows".to_owned(), known("my_rows", Reading::list(View::default()), Vec::new())),
        ("Fetch".to_owned(), known("fetch", Reading::viewed(View::of(&[], &["body"])), Vec::new())),
        ("Inner".to_owned(), known("inner", Reading::one(), vec![7])),
    ])
}

fn sight(known: &BTreeMap<String, Known>) -> Sight<'_> {
    let input = Base { item: "input".to_owned(), list: None, view: View::default() };
    Sight { input, known, home: &[], around: None, is_item: false, zone: None }
}

/// What an expression becomes, and whether it is quite the same.
fn ours(source: &str) -> Result<(String, bool), String> {
    let known = known();
    let mut notes = BTreeSet::new();
    let written = as_template(&format!("={{{{{source}}}}}"), &sight(&known), &mut notes);
    written.map(|text| (text, notes.is_empty())).map_err(|refused| refused.to_string())
}

#[test]
fn paths_and_functions_become_ours() {
    for (theirs, expected) in [
        ("$json.a.b", "input.a.b"),
        ("$json['a b'][0].c", "input[\"a b\"][0].c"),
        ("$json[\"a\"]", "input.a"),
        ("$json?.a?.b", "default(input.a.b, null)"),
        ("$('Order').item.json.x", "nodes.order.output.x"),
        ("$('Order').first().json.x", "nodes.order.output.x"),
        ("$node[\"Order\"].json.x", "nodes.order.output.x"),
        ("$node.Order.json[\"x\"]", "nodes.order.output.x"),
        ("$('Fetch').item.json.x", "nodes.fetch.output.body.x"),
        ("$('My rows').first().json.x", "nodes.my_rows.output[0].x"),
        ("$('My rows').all().length", "length(nodes.my_rows.output)"),
        ("$input.item.json.x", "input.x"),
        ("$input.first().json.x", "input.x"),
        ("$now", "now()"),
        ("$today", "start_of(now(), \"day\")"),
        ("$now.toISO()", "iso(now())"),
        (
            "$now.minus({days: 7}).toFormat('yyyy-MM-dd')",
            "format_date(add(now(), -7, \"day\"), \"%Y-%m-%d\")",
        ),
        ("$now.plus(2, 'weeks')", "add(now(), 2, \"week\")"),
        ("$json.tags.join(', ')", "join(input.tags, \", \")"),
        ("$json.tags.length", "length(input.tags)"),
        ("$json.text.split('-')[1]", "split(input.text, \"-\")[1]"),
        ("$json.text.replaceAll('a', 'b')", "replace(input.text, \"a\", \"b\")"),
        ("$json.text.replace(/a+/gi, '-')", "regex_replace(input.text, \"(?i)a+\", \"-\")"),
        ("$json.text.trim().toLowerCase()", "lower(trim(input.text))"),
        ("$json.a ? 'x' : 'y'", "\"x\" if default(input.a, null) else \"y\""),
        ("$json.a || 'none'", "default(input.a, \"none\", true)"),
        ("$json.a ?? $json.b", "coalesce(input.a, input.b)"),
        ("$json.a && !$json.b", "default(input.a, null) and (not default(input.b, null))"),
        ("JSON.stringify($json.a)", "to_json(input.a)"),
        ("$itemIndex", "0"),
        ("$execution.id", "run.id"),
        ("$workflow.name", "workflow.name"),
        ("'a' + $json.b + 1", "(\"a\" ~ input.b) ~ 1"),
        ("$json.a * 2 + 1", "(input.a * 2) + 1"),
        ("$json.a === 5", "default(input.a, null) == 5"),
        ("`${$json.a} and ${'b'}`", "input.a ~ \" and \" ~ \"b\""),
        ("{a: $json.b, 'c': [1, {d: 2}]}", "{\"a\": input.b, \"c\": [1, {\"d\": 2 }] }"),
        ("Math.round($json.a)", "round(input.a)"),
        ("Object.keys($json).length", "length(keys(input))"),
        ("$vars.rate", "vars.rate"),
        ("'}'.length", "length(\"\\u007d\")"),
    ] {
        let (written, _) = ours(theirs).unwrap_or_else(|reason| panic!("{theirs}: {reason}"));
        assert_eq!(written, format!("{{{{ {expected} }}}}"), "{theirs}");
        Parameter::parse(&Value::from(written)).unwrap_or_else(|faults| panic!("{theirs}: {faults:?}"));
    }
}

#[test]
fn what_has_no_equal_is_refused_with_its_name() {
    for (theirs, reason) in [
        ("$env.KEY", "$env"),
        ("$json.a.map(x => x.b)", "=>"),
        ("$json.a.filter(function (x) { return x })", "{"),
        ("$('Nobody').item.json.a", "\"Nobody\""),
        ("$('Inner').item.json.a", "loop"),
        ("$('Order').item.binary", "binary"),
        ("$('Order').params.a", "params"),
        ("$input.all()", "length"),
        ("$fromAI('x')", "$fromAI"),
        ("$jmespath($json, 'a')", "$jmespath"),
        ("typeof $json.a", "typeof"),
        ("$json.a.reduce((x, y) => x)", ","),
        ("$json.a.localeCompare('b')", "localeCompare"),
        ("$json.text.replace(/(?=a)/g, '')", "regular expression"),
        ("$json.a = 5", "="),
        ("$json.a.b.", "no end"),
        ("'open", "no end"),
        ("", "no end"),
        ("$json.\u{1}", "sign"),
        ("$now.toFormat('qqq')", "format"),
    ] {
        let refused = ours(theirs).expect_err(theirs);
        assert!(refused.contains(reason), "{theirs}: {refused}");
    }
}

#[test]
fn what_is_nearly_the_same_is_noted() {
    for theirs in [
        "$json.text.replace('a', 'b')",
        "$('My rows').item.json.x",
        "$json.a + $json.b",
        "$json.a == 5",
        "JSON.stringify($json, null, 2)",
    ] {
        assert!(!ours(theirs).expect(theirs).1, "{theirs}");
    }
}

#[test]
fn a_text_without_the_sign_is_no_template() {
    let known = known();
    let mut notes = BTreeSet::new();
    let written = as_template("Dear {{ $json.name }}", &sight(&known), &mut notes).expect("written");
    let parameter = Parameter::parse(&Value::from(written)).expect("parsed");
    assert!(parameter.references().iter().next().is_none(), "it names nothing");

    let text =
        as_template("=Dear {{ $json.name }}, {{ 1 + 1 }}", &sight(&known), &mut notes).expect("written");
    assert_eq!(text, "Dear {{ input.name }}, {{ 1 + 1 }}");
    let joined = as_expression("=Dear {{ $json.name }}", &sight(&known), &mut notes).expect("written");
    assert_eq!(joined.text, "\"Dear \" ~ input.name");
}

#[test]
fn deep_and_long_expressions_are_refused() {
    let deep = [
        "(".repeat(1_000),
        "!".repeat(2_000),
        "-".repeat(2_000),
        "[".repeat(2_000),
        format!("$json{}", ".a".repeat(2_000)),
        format!("1{}", "+1".repeat(1_500)),
        format!("{}1", "a?".repeat(1_000)),
        "`${".repeat(1_000),
        "x".repeat(5_000),
    ];
    for source in deep {
        assert!(ours(&source).is_err(), "{}", &source[..10]);
    }
}
