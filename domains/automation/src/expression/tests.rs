use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

mod conditions;
mod dates;
mod documented;
mod functions;
mod limits;
mod reading;
mod secrets;
mod values;

fn now() -> DateTime<Utc> {
    "2026-03-01T09:30:15Z".parse().expect("a moment")
}

fn context() -> Context {
    Context::new(now(), Uuid::nil())
        .with(
            Root::Input,
            json!({
                "name": "Ada", "count": 5, "price": 2.5, "text5": "5", "nothing": null, "yes": true,
                "empty": "", "list": [3, 1, 2], "nulls": [null], "big": 9_223_372_036_854_775_807_i64,
                "unsigned": 18_446_744_073_709_551_615_u64,
                "address": {"city": "Zürich", "a-b": 1},
                "lines": [
                    {"sku": "b", "price": 4, "kind": "book", "sold": true},
                    {"sku": "a", "price": 1.5, "kind": "pen", "sold": false},
                    {"sku": "c", "price": 3, "kind": "book"},
                ],
            }),
        )
        .with(Root::Item, json!({"id": 7}))
        .with(Root::Index, json!(2))
        .with(Root::Run, json!({"id": "r1", "attempt": 1}))
        .with_output("fetch", json!({"status": 200, "body": [1, 2]}))
}

/// The value of a text.
fn evaluate(text: &str) -> Result<Value, ExpressionError> {
    let parameter = Parameter::parse(&json!(text)).map_err(|faults| faults[0].clone())?;
    parameter.resolve(&context()).map(|resolved| resolved.into_value().expect("no secret"))
}

fn value(text: &str) -> Value {
    evaluate(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn code(text: &str) -> &'static str {
    match evaluate(text) {
        Ok(value) => panic!("{text} is {value}"),
        Err(error) => error.code(),
    }
}

/// Expects each expression to have the value on its right.
fn expect(table: &[(&str, Value)]) {
    for (expression, expected) in table {
        assert_eq!(value(&format!("{{{{ {expression} }}}}")), *expected, "{expression}");
    }
}

/// Expects each expression to be refused with the code on its right.
fn expect_codes(table: &[(&str, &str)]) {
    for (expression, expected) in table {
        assert_eq!(code(&format!("{{{{ {expression} }}}}")), *expected, "{expression}");
    }
}
