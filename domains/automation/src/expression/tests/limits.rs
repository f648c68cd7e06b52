//! Nothing that a person writes takes more than its share of time or memory.

use serde_json::json;

use super::*;

/// A context with a text of a MiB and a list of 10,000 items.
fn large() -> Context {
    let text = "x".repeat(1024 * 1024);
    let list: Vec<Value> = (0..10_000).map(Value::from).collect();
    context().with(Root::Vars, json!({"text": text, "list": list}))
}

fn resolve(text: &str, context: &Context) -> Result<Value, &'static str> {
    let parameter = Parameter::parse(&json!(text)).map_err(|faults| faults[0].code())?;
    parameter
        .resolve(context)
        .map(|found| found.into_value().expect("no secret"))
        .map_err(|error| error.code())
}

#[test]
fn what_grows_is_refused() {
    let context = large();
    let doubling = "| replace('x', 'xx')".repeat(40);
    let joined = vec!["vars.text"; 60].join(" ~ ");
    for (expression, codes) in [
        (format!("'x' {doubling}"), &["EXPR_TOO_LARGE", "EXPR_OUT_OF_FUEL"][..]),
        (joined, &["EXPR_TOO_LARGE"]),
        ("vars.text | upper".to_owned(), &["EXPR_TOO_LARGE"]),
        ("vars.text | replace('x', vars.text)".to_owned(), &["EXPR_TOO_LARGE"]),
        ("['x', 'x'] | join(vars.text)".to_owned(), &["EXPR_TOO_LARGE"]),
        ("'x' | pad(10000000000)".to_owned(), &["EXPR_TOO_LARGE"]),
        ("vars.text | regex_replace('x', 'xxxxxxxx')".to_owned(), &["EXPR_TOO_LARGE"]),
        ("'a' * 10 ** 10".to_owned(), &["EXPR_TYPE"]),
        ("vars.list | map('pad', 100000) | length".to_owned(), &["EXPR_OUT_OF_FUEL"]),
        ("vars.list | zip(vars.list) | zip(vars.list) | zip(vars.list)".to_owned(), &["EXPR_TOO_LARGE"]),
    ] {
        let found = resolve(&format!("{{{{ {expression} }}}}"), &context).expect_err(&expression);
        assert!(codes.contains(&found), "{expression}: {found}");
    }
}

#[test]
fn a_path_that_stands_alone_may_be_as_large_as_an_output() {
    let context = large();
    assert_eq!(
        resolve("{{ vars.text }}", &context).map(|found| found.as_str().map(str::len)),
        Ok(Some(1 << 20))
    );
    assert_eq!(resolve("- {{ vars.text }}", &context), Err("EXPR_TOO_LARGE"));
    let copies = vec!["{{ vars.text }}"; 49];
    let all = Parameter::parse(&json!(copies)).expect("parameters");
    assert_eq!(all.resolve(&context).expect_err("too much in all").code(), "EXPR_TOO_LARGE");
}

#[test]
fn fuel_runs_out() {
    let context = large();
    let many = vec!["(vars.list | sort | reverse | sort | sum)"; 40].join(" + ");
    assert_eq!(resolve(&format!("{{{{ {many} }}}}"), &context), Err("EXPR_OUT_OF_FUEL"));
    let texts: Vec<String> = (0..600).map(|_| "{{ vars.list | sort | sum }}".to_owned()).collect();
    let all = Parameter::parse(&json!(texts)).expect("parameters");
    let error = all.resolve(&context).expect_err("all texts together have a limit too");
    assert_eq!(error.fault, Fault::OutOfFuel);
    assert_eq!(resolve("{{ vars.list | sort | sum }}", &context), Ok(json!(49_995_000)));
}

#[test]
fn long_and_deep_expressions_are_refused() {
    let (short, long) = ("1".repeat(18), "1 ".repeat(3000));
    assert_eq!(resolve(&format!("{{{{ {short} }}}}"), &context()), Ok(json!(111_111_111_111_111_111_i64)));
    assert_eq!(resolve(&format!("{{{{ {long} }}}}"), &context()), Err("EXPR_TOO_LONG"));
    assert_eq!(resolve(&("x".repeat(70_000) + "{{ 1 }}"), &context()), Err("EXPR_TOO_LONG"));
    let chain = vec!["1"; 2_000].join("+");
    assert_eq!(resolve(&format!("{{{{ {chain} }}}}"), &context()), Err("EXPR_TOO_DEEP"));
    for nested in ["(", "[", "not ", "-"] {
        let text = format!("{{{{ {}1 }}}}", nested.repeat(1_000));
        let found = resolve(&text, &context());
        assert!(matches!(found, Err("EXPR_TOO_DEEP" | "EXPR_SYNTAX")), "{nested}: {found:?}");
    }
    for nested in ["(1", "[1"] {
        let text =
            format!("{{{{ {}{} }}}}", nested.repeat(100), if nested == "(1" { ")" } else { "]" }.repeat(100));
        assert_eq!(resolve(&text, &context()), Err("EXPR_TOO_DEEP"), "{nested}");
    }
    let choices = "1 if true else ".repeat(200);
    assert_eq!(resolve(&format!("{{{{ {choices} 1 }}}}"), &context()), Err("EXPR_TOO_DEEP"));
    let mut deep = json!("{{ 1 }}");
    for _ in 0..100 {
        deep = json!([deep]);
    }
    assert_eq!(Parameter::parse(&deep).expect_err("too deep")[0].code(), "EXPR_TOO_DEEP");
}

#[test]
fn regular_expressions_are_bounded() {
    let context = large();
    for (expression, expected) in [
        ("vars.text | regex_match('(x+x+)+y')", Ok(json!(false))),
        ("'x' | regex_match('x{1000}{1000}')", Err("EXPR_ARGUMENT")),
        ("'x' | regex_match('(')", Err("EXPR_ARGUMENT")),
    ] {
        assert_eq!(resolve(&format!("{{{{ {expression} }}}}"), &context), expected, "{expression}");
    }
}

#[test]
fn no_text_makes_the_parser_panic() {
    let pieces =
        ["{{", "}}", "'", "\"", "\\", "(", ")", "[", "]", "{", "|", ".", "a", "1", "é", "\n", " is ", "{%"];
    let mut state = 7_usize;
    for _ in 0..20_000 {
        let mut text = "{{ ".to_owned();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[(state >> 33) % pieces.len()]);
        }
        if let Ok(parameter) = Parameter::parse(&json!(text + " }}")) {
            let _resolved = parameter.resolve(&context());
        }
    }
}
