//! The tests after `is`, and those that `select` and `selectattr` use.

use serde_json::Value;

use crate::expression::{
    error::Fault,
    operators::{Numeric, compare, contains, is_empty, is_equal, type_name},
    syntax::Comparison,
};

/// Tests without an argument.
const ALONE: [&str; 18] = [
    "boolean",
    "defined",
    "empty",
    "even",
    "false",
    "float",
    "integer",
    "list",
    "mapping",
    "none",
    "null",
    "number",
    "object",
    "odd",
    "sequence",
    "string",
    "true",
    "undefined",
];
/// Tests with one argument.
const WITH_ONE: [&str; 18] = [
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "contains",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "ge",
    "gt",
    "in",
    "le",
    "lt",
    "ne",
    "startingwith",
];

/// Checks the name of a test and how many arguments it has.
pub(super) fn check(name: &str, arguments: usize, without_names: bool) -> Result<(), Fault> {
    let expected = match (ALONE.contains(&name), WITH_ONE.contains(&name)) {
        (true, _) => 0,
        (_, true) => 1,
        _ => return Err(Fault::UnknownFunction { name: name.to_owned() }),
    };
    if arguments == expected && without_names {
        return Ok(());
    }
    Err(Fault::Argument(format!("the test {name} takes {expected} arguments")))
}

/// Whether the value passes a test.
pub(in crate::expression) fn test(name: &str, value: &Value, other: Option<&Value>) -> Result<bool, Fault> {
    check(name, usize::from(other.is_some()), true)?;
    other.map_or_else(|| alone(name, value), |other| with_one(name, value, other))
}

fn alone(name: &str, value: &Value) -> Result<bool, Fault> {
    Ok(match name {
        "boolean" => value.is_boolean(),
        "defined" => true,
        "empty" => is_empty(value),
        "even" => integer(value)? % 2 == 0,
        "odd" => integer(value)? % 2 != 0,
        "true" => value == &Value::Bool(true),
        "false" => value == &Value::Bool(false),
        "integer" => value.is_i64() || value.is_u64(),
        "float" => value.is_f64(),
        "list" | "sequence" => value.is_array(),
        "mapping" | "object" => value.is_object(),
        "none" | "null" => value.is_null(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        _ => false,
    })
}

fn with_one(name: &str, value: &Value, other: &Value) -> Result<bool, Fault> {
    let comparison = match name {
        "==" | "eq" | "equalto" => return Ok(is_equal(value, other)),
        "!=" | "ne" => return Ok(!is_equal(value, other)),
        "in" => return contains(other, value),
        "contains" => return contains(value, other),
        "divisibleby" => {
            let (value, divisor) = (integer(value)?, integer(other)?);
            return Ok(divisor != 0 && value % divisor == 0);
        }
        "startingwith" => return texts(value, other).map(|(text, part)| text.starts_with(part)),
        "endingwith" => return texts(value, other).map(|(text, part)| text.ends_with(part)),
        "<" | "lt" => Comparison::Less,
        "<=" | "le" => Comparison::AtMost,
        ">" | "gt" => Comparison::Greater,
        _ => Comparison::AtLeast,
    };
    compare(comparison, value, other)
}

fn integer(value: &Value) -> Result<i128, Fault> {
    match Numeric::of(value) {
        Some(Numeric::Integer(integer)) => Ok(integer),
        _ => Err(Fault::Type(format!("the test needs an integer, not {}", type_name(value)))),
    }
}

fn texts<'v>(value: &'v Value, other: &'v Value) -> Result<(&'v str, &'v str), Fault> {
    value.as_str().zip(other.as_str()).ok_or_else(|| {
        let (value, other) = (type_name(value), type_name(other));
        Fault::Type(format!("the test needs two texts, not {value} and {other}"))
    })
}
