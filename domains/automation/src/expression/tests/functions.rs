//! Each function, by its table.

use serde_json::json;

use super::*;

#[test]
fn text() {
    expect(&[
        ("input.name | lower", json!("ada")),
        ("upper(input.name)", json!("ADA")),
        ("input.name.upper()", json!("ADA")),
        ("'aDA' | capitalize", json!("Ada")),
        ("'  a ' | trim", json!("a")),
        ("'--a-' | trim('-')", json!("a")),
        ("'a-b-c' | replace('-', '+')", json!("a+b+c")),
        ("'a,b' | split(',')", json!(["a", "b"])),
        ("' a  b ' | split", json!(["a", "b"])),
        ("'a\nb' | lines", json!(["a", "b"])),
        ("input.list | join(', ')", json!("3, 1, 2")),
        ("'Ada' | contains('d')", json!(true)),
        ("input.list | contains(9)", json!(false)),
        ("'Ada' | starts_with('A') and 'Ada' | ends_with('a')", json!(true)),
        ("'Zürich' | slice(1, 3)", json!("ür")),
        ("'Zürich' | length", json!(6)),
        ("7 | pad(3, '0')", json!("007")),
        ("'ab' | pad(4, '.', 'right')", json!("ab..")),
        ("'Crème Brûlée, twice!' | slug", json!("creme-brulee-twice")),
        ("'a1b22' | regex_match('[0-9]+')", json!(true)),
        ("'a1b22' | regex_find('b([0-9]+)')", json!("22")),
        ("'abc' | regex_find('[0-9]')", json!(null)),
        ("'a1b22' | regex_replace('([0-9]+)', '<$1>')", json!("a<1>b<22>")),
        ("5 | string", json!("5")),
        ("'abc' | reverse", json!("cba")),
    ]);
}

#[test]
fn encodings() {
    expect(&[
        ("'a b/ü&' | urlencode", json!("a%20b%2F%C3%BC%26")),
        ("'a%20b' | urldecode", json!("a b")),
        ("'Ada' | base64", json!("QWRh")),
        ("'QWRh' | base64_decode", json!("Ada")),
        ("'Ada' | hex", json!("416461")),
        ("'416461' | hex_decode", json!("Ada")),
        ("'abc' | md5", json!("900150983cd24fb0d6963f7d28e17f72")),
        ("'abc' | sha256", json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
        (
            "'what do ya want for nothing?' | hmac('Jefe')",
            json!("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ),
        ("{'b': [1, null]} | to_json", json!("{\"b\":[1,null]}")),
        ("'{\"a\": 1}' | from_json", json!({"a": 1})),
        ("[[1, 'a,b'], [null, 'say \"x\"']] | csv", json!("1,\"a,b\"\r\n,\"say \"\"x\"\"\"\r\n")),
        ("[{'a': 1, 'b': 2}, {'b': 3}] | csv(';')", json!("a;b\r\n1;2\r\n;3\r\n")),
    ]);
    expect_codes(&[
        ("'%' | base64_decode", "EXPR_ARGUMENT"),
        ("'//8=' | base64_decode", "EXPR_ARGUMENT"),
        ("'{' | from_json", "EXPR_ARGUMENT"),
        ("[1] | csv", "EXPR_TYPE"),
    ]);
}

#[test]
fn numbers() {
    expect(&[
        ("'12' | int", json!(12)),
        ("' 12.9 ' | int", json!(12)),
        ("-1.5 | int", json!(-1)),
        ("'2.5' | float", json!(2.5)),
        ("2.5 | round", json!(3)),
        ("2.345 | round(1)", json!(2.3)),
        ("2.9 | floor", json!(2)),
        ("2.1 | ceil", json!(3)),
        ("-3 | abs", json!(3)),
        ("input.list | min", json!(1)),
        ("max(3, 9.5, 2)", json!(9.5)),
        ("1234567.891 | format(2, '.', ',')", json!("1,234,567.89")),
        ("-1234 | format(0, '.', ' ')", json!("-1 234")),
        ("5 | format", json!("5.00")),
    ]);
    expect_codes(&[
        ("'twelve' | int", "EXPR_ARGUMENT"),
        ("null | int", "EXPR_TYPE"),
        ("[] | max", "EXPR_ARGUMENT"),
        ("[1, 'a'] | max", "EXPR_TYPE"),
        ("1.0e30 | int", "EXPR_OVERFLOW"),
    ]);
}

#[test]
fn lists() {
    expect(&[
        ("input.list | first", json!(3)),
        ("input.list | last", json!(2)),
        ("input.list | length", json!(3)),
        ("input.list | sum", json!(6)),
        ("input.lines | sum(attribute='price')", json!(8.5)),
        ("input.list | avg", json!(2)),
        ("[1, 1.0, 2, '1'] | unique", json!([1, 2, "1"])),
        ("input.list | sort", json!([1, 2, 3])),
        ("input.list | sort(reverse=true)", json!([3, 2, 1])),
        ("input.lines | sort(attribute='sku') | map(attribute='sku')", json!(["a", "b", "c"])),
        ("input.list | reverse", json!([2, 1, 3])),
        ("[1, [2, [3]]] | flatten", json!([1, 2, [3]])),
        ("[1, [2, [3]]] | flatten(9)", json!([1, 2, 3])),
        ("input.list | chunk(2)", json!([[3, 1], [2]])),
        ("[1, 2] | zip(['a', 'b', 'c'])", json!([[1, "a"], [2, "b"]])),
        ("range(3)", json!([0, 1, 2])),
        ("range(5, 0, -2)", json!([5, 3, 1])),
        ("input.list | slice(1)", json!([1, 2])),
        ("['a', 'b'] | map('upper')", json!(["A", "B"])),
        ("['a-b'] | map('replace', '-', '+')", json!(["a+b"])),
        ("input.lines | map(attribute='sold', default=null)", json!([true, false, null])),
        ("[0, 1, null, 'a'] | select", json!([1, "a"])),
        ("[1, 2, 3] | select('odd')", json!([1, 3])),
        ("[1, 2, 3] | reject('>', 1)", json!([1])),
        ("input.lines | selectattr('kind', 'eq', 'book') | map(attribute='sku')", json!(["b", "c"])),
        ("input.lines | selectattr('sold') | length", json!(1)),
        ("input.lines | rejectattr('sold', 'defined') | map(attribute='sku')", json!(["c"])),
        ("input.lines | groupby('kind') | map(attribute='key')", json!(["book", "pen"])),
        ("(input.lines | groupby('kind'))[0]['items'] | length", json!(2)),
    ]);
    expect_codes(&[
        ("[] | first", "EXPR_MISSING"),
        ("input.lines | map(attribute='sold')", "EXPR_MISSING"),
        ("['a', 1] | sort", "EXPR_TYPE"),
        ("['a'] | sum", "EXPR_TYPE"),
        ("[1] | chunk(0)", "EXPR_ARGUMENT"),
        ("range(100000)", "EXPR_ARGUMENT"),
        ("range(1, 2, 0)", "EXPR_ARGUMENT"),
        ("[1] | map('nothing')", "EXPR_UNKNOWN_FUNCTION"),
        ("[[1]] | map('map', 'abs')", "EXPR_ARGUMENT"),
    ]);
}

#[test]
fn objects_and_types() {
    expect(&[
        ("{'b': 1, 'a': 2} | keys", json!(["a", "b"])),
        ("{'b': 1, 'a': 2} | values", json!([2, 1])),
        ("{'a': 2} | items", json!([["a", 2]])),
        ("merge({'a': 1}, {'b': 2}, {'a': 3})", json!({"a": 3, "b": 2})),
        ("{'a': 1, 'b': 2} | pick('a', 'c')", json!({"a": 1})),
        ("{'a': 1, 'b': 2} | omit(['a'])", json!({"b": 2})),
        ("[type_of(null), type_of(1), type_of([])]", json!(["null", "number", "list"])),
        ("'' | bool", json!(false)),
    ]);
}

#[test]
fn calls_are_checked_before_they_run() {
    expect_codes(&[
        ("'a' | nothing", "EXPR_UNKNOWN_FUNCTION"),
        ("nothing('a')", "EXPR_UNKNOWN_FUNCTION"),
        ("'a' is nothing", "EXPR_UNKNOWN_FUNCTION"),
        ("'a' | upper(1)", "EXPR_ARGUMENT"),
        ("'a' | replace('b')", "EXPR_ARGUMENT"),
        ("'a' | replace('b', by='c')", "EXPR_ARGUMENT"),
        ("1 is odd(2)", "EXPR_ARGUMENT"),
        ("input.list[0]()", "EXPR_SYNTAX"),
        ("upper(*input.list)", "EXPR_SYNTAX"),
    ]);
    let faults = Parameter::parse(&json!("{{ 'a' | replace('b') }}")).expect_err("refused");
    assert_eq!(faults[0].fault.to_string(), "replace needs the argument to");
}

#[test]
fn there_is_nothing_but_the_context() {
    for name in ["env", "self", "namespace", "config", "request", "globals", "os", "debug"] {
        let text = format!("{{{{ {name}.x }}}}");
        assert_eq!(code(&text), "EXPR_UNKNOWN_NAME", "{name}");
    }
    expect_codes(&[("env('HOME')", "EXPR_UNKNOWN_FUNCTION"), ("debug()", "EXPR_UNKNOWN_FUNCTION")]);
}
