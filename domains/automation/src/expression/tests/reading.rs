//! What can be read of an expression without evaluating it.

use serde_json::json;

use super::*;

fn references(value: Value) -> References {
    Parameter::parse(&value).expect("parameters").references()
}

#[test]
fn expressions_say_which_paths_nodes_and_secrets_they_name() {
    let found = references(json!({
        "url": "https://{{ nodes.fetch.output.host }}/{{ nodes['send-it'].output[0].id }}",
        "headers": {"a/b~c": "Bearer {{ secrets.api_key }}", "x": "{{ secrets['other'] }}"},
        "body": ["{{ input.items | map(attribute='id') | join(nodes.sep.output) }}"],
        "plain": "no expression",
    }));
    assert_eq!(found.nodes().into_iter().collect::<Vec<_>>(), ["fetch", "send-it", "sep"]);
    assert_eq!(found.secrets().into_iter().collect::<Vec<_>>(), ["api_key", "other"]);
    assert!(!found.reads_any_node());
    let pairs: Vec<(String, &str)> =
        found.iter().map(|reference| (reference.path.join("."), reference.pointer.as_str())).collect();
    for expected in [
        ("nodes.send-it.output.0.id", "/url"),
        ("secrets.api_key", "/headers/a~1b~0c"),
        ("input.items", "/body/0"),
    ] {
        assert!(pairs.iter().any(|(path, pointer)| (path.as_str(), *pointer) == expected), "{pairs:?}");
    }
}

#[test]
fn every_part_of_an_expression_is_read() {
    for (expression, names) in [
        ("nodes.a.output[1:nodes.b.output]", &["a", "b"][..]),
        ("nodes.a.output[nodes.b.output].x", &["a", "b"]),
        ("nodes.a.output if nodes.b.output > nodes.c.output else nodes.d.output", &["a", "b", "c", "d"]),
        ("[nodes.a.output, {'k': nodes.b.output, nodes.c.output: 1}]", &["a", "b", "c"]),
        ("not nodes.a.output and -nodes.b.output in nodes.c.output", &["a", "b", "c"]),
        ("nodes.a.output | sort(attribute=nodes.b.output)", &["a", "b"]),
        ("nodes.a.output is divisibleby(nodes.b.output)", &["a", "b"]),
        ("nodes.a.output.upper()", &["a"]),
    ] {
        let found = references(json!(format!("{{{{ {expression} }}}}")));
        assert_eq!(found.nodes().into_iter().collect::<Vec<_>>(), names, "{expression}");
    }
}

#[test]
fn a_computed_node_is_known_as_such() {
    assert!(references(json!("{{ nodes[input.key].output }}")).reads_any_node());
    assert!(references(json!("{{ nodes | keys }}")).reads_any_node());
}

#[test]
fn a_path_with_a_fallback_is_optional() {
    for (expression, optional) in [
        ("nodes.a.output", false),
        ("nodes.a.output | default(1)", true),
        ("1 | default(nodes.a.output)", false),
        ("coalesce(nodes.a.output, 1)", true),
        ("nodes.a.output is defined", true),
        ("nodes.a.output.x | upper | default('')", true),
    ] {
        let found = references(json!(format!("{{{{ {expression} }}}}")));
        let reference = found.iter().next().expect("a reference");
        assert_eq!(reference.optional, optional, "{expression}");
    }
}

#[test]
fn places_of_paths_are_known() {
    let found = references(json!("Hé\n  {{ input.a }} {{ 1 + nodes.b.output }}"));
    let places: Vec<(usize, usize)> =
        found.iter().map(|reference| (reference.place.line, reference.place.column)).collect();
    assert_eq!(places, [(2, 6), (2, 24)]);
}

#[test]
fn syntax_errors_have_a_line_and_a_column() {
    for (text, line, column) in [
        ("{{ }}", 1, 3),
        ("a {{ input.a", 1, 3),
        ("a\nb {{ 1 + }}", 2, 8),
        ("{{ input.a b }}", 1, 12),
        ("{{ 1\n  ) }}", 2, 3),
        ("é {{ 'a }}", 1, 3),
        ("{{ 1 }} {{ nope }}", 1, 12),
        ("{{ 1 }}\n{{ 2 | nope }}", 2, 8),
    ] {
        let faults = Parameter::parse(&json!(text)).expect_err(text);
        let place = faults[0].place.expect("a place");
        assert_eq!(place.line, line, "{text:?}: {}", faults[0]);
        assert_eq!(place.column, column, "{text:?}: {}", faults[0]);
    }
}

#[test]
fn all_faults_of_all_texts_are_reported() {
    let faults = Parameter::parse(&json!({"a": "{{ x }} {{ ( }}", "b": ["{{ y }}"], "c": "{{ 1 }}"}));
    let faults = faults.expect_err("faults");
    let found: Vec<(&str, &str)> =
        faults.iter().map(|fault| (fault.pointer.as_str(), fault.code())).collect();
    assert_eq!(found, [("/a", "EXPR_UNKNOWN_NAME"), ("/a", "EXPR_SYNTAX"), ("/b/0", "EXPR_UNKNOWN_NAME")]);
    assert!(faults[2].to_string().starts_with("/b/0: there is no y"), "{}", faults[2]);
}

#[test]
fn evaluation_errors_have_a_pointer_and_a_place() {
    let parameter = Parameter::parse(&json!({"a": ["x\n{{ 1 + input.name }}"]})).expect("parameters");
    let error = parameter.resolve(&context()).expect_err("not numbers");
    assert_eq!((error.code(), error.pointer.as_str()), ("EXPR_TYPE", "/a/0"));
    assert_eq!(error.place.map(|place| place.line), Some(2));
}
