//! Conditions of n8n as conditions of ours.

use serde_json::{Map, Value, json};

use crate::import::n8n::{
    case::{Case, braced},
    expression::{Kind, Refused, Written},
};

/// How an operator is written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ours {
    /// With a right side.
    Compares(&'static str),
    /// Without one.
    Asks(&'static str),
    /// The opposite of a function of both sides.
    Not(&'static str),
    /// The same with a number that is the length of the left side.
    OfLength(&'static str),
}

/// The operators of all versions, by their names there.
const OPERATORS: [(&str, Ours); 40] = [
    ("equals", Ours::Compares("equals")),
    ("equal", Ours::Compares("equals")),
    ("notEquals", Ours::Compares("not_equals")),
    ("notEqual", Ours::Compares("not_equals")),
    ("contains", Ours::Compares("contains")),
    ("notContains", Ours::Compares("not_contains")),
    ("startsWith", Ours::Compares("starts_with")),
    ("notStartsWith", Ours::Not("starts_with")),
    ("endsWith", Ours::Compares("ends_with")),
    ("notEndsWith", Ours::Not("ends_with")),
    ("regex", Ours::Compares("matches")),
    ("notRegex", Ours::Not("regex_match")),
    ("gt", Ours::Compares("greater_than")),
    ("larger", Ours::Compares("greater_than")),
    ("gte", Ours::Compares("at_least")),
    ("largerEqual", Ours::Compares("at_least")),
    ("lt", Ours::Compares("less_than")),
    ("smaller", Ours::Compares("less_than")),
    ("lte", Ours::Compares("at_most")),
    ("smallerEqual", Ours::Compares("at_most")),
    ("after", Ours::Compares("after")),
    ("before", Ours::Compares("before")),
    ("exists", Ours::Asks("is_not_null")),
    ("notExists", Ours::Asks("is_null")),
    ("empty", Ours::Asks("is_empty")),
    ("isEmpty", Ours::Asks("is_empty")),
    ("notEmpty", Ours::Asks("is_not_empty")),
    ("isNotEmpty", Ours::Asks("is_not_empty")),
    ("true", Ours::Asks("is_true")),
    ("false", Ours::Asks("is_false")),
    ("lengthEquals", Ours::OfLength("equals")),
    ("lengthNotEquals", Ours::OfLength("not_equals")),
    ("lengthGt", Ours::OfLength("greater_than")),
    ("lengthGte", Ours::OfLength("at_least")),
    ("lengthLt", Ours::OfLength("less_than")),
    ("lengthLte", Ours::OfLength("at_most")),
    ("isTrue", Ours::Asks("is_true")),
    ("isFalse", Ours::Asks("is_false")),
    ("isNull", Ours::Asks("is_null")),
    ("isNotNull", Ours::Asks("is_not_null")),
];

/// A condition before it is written.
struct Comparison<'a> {
    left: &'a Value,
    right: &'a Value,
    kind: &'a str,
    operation: &'a str,
    ignores_case: bool,
}

/// The conditions of a parameter, of any version, as those of ours.
pub(super) fn when(case: &mut Case<'_>, conditions: &Value, is_loose: bool) -> Result<Value, Refused> {
    if conditions.get("conditions").is_some() {
        second(case, conditions, is_loose)
    } else {
        let combinator = case.choice("combineOperation", case.choice("combineConditions", "all"));
        let combinator = if matches!(combinator, "any" | "OR") { "any" } else { "all" };
        first(case, conditions, combinator)
    }
}

/// Conditions of the second version.
fn second(case: &mut Case<'_>, conditions: &Value, is_loose: bool) -> Result<Value, Refused> {
    let combinator = if conditions["combinator"] == "or" { "any" } else { "all" };
    let is_loose = is_loose || conditions["options"]["typeValidation"] == "loose";
    let ignores_case = conditions["options"]["caseSensitive"] == Value::Bool(false)
        || case.flag("options.ignoreCase", false);
    let mut found = Vec::new();
    for condition in conditions["conditions"].as_array().into_iter().flatten() {
        let operator = &condition["operator"];
        let comparison = Comparison {
            left: &condition["leftValue"],
            right: &condition["rightValue"],
            kind: operator["type"].as_str().unwrap_or("string"),
            operation: operator["operation"].as_str().unwrap_or("equals"),
            ignores_case,
        };
        found.push(condition_of(case, &comparison)?);
        if is_loose {
            case.approximate("Types are not converted before they are compared.");
        }
    }
    all_of(combinator, found)
}

/// Conditions of the first version.
fn first(case: &mut Case<'_>, conditions: &Value, combinator: &str) -> Result<Value, Refused> {
    let mut found = Vec::new();
    for (kind, fallback) in
        [("boolean", "equal"), ("dateTime", "after"), ("number", "smaller"), ("string", "equal")]
    {
        for condition in conditions[kind].as_array().into_iter().flatten() {
            let operation = condition["operation"].as_str().unwrap_or(fallback);
            let absent = if kind == "boolean" { Value::Bool(false) } else { Value::Null };
            let right = if condition["value2"].is_null() { &absent } else { &condition["value2"] };
            let left = &condition["value1"];
            let comparison = Comparison { left, right, kind, operation, ignores_case: false };
            found.push(condition_of(case, &comparison)?);
            case.approximate("Types are not converted before they are compared.");
        }
    }
    all_of(combinator, found)
}

fn all_of(combinator: &str, mut conditions: Vec<Value>) -> Result<Value, Refused> {
    match conditions.len() {
        0 => Err(Refused::new("it has no condition")),
        1 => Ok(conditions.remove(0)),
        _ => Ok(json!({"combinator": combinator, "conditions": conditions})),
    }
}

/// The condition that a value and a rule of an older switch make.
pub(super) fn rule(
    case: &mut Case<'_>,
    (left, right): (&Value, &Value),
    kind: &str,
    operation: &str,
) -> Result<Value, Refused> {
    let operation = operation.trim_start_matches('=');
    condition_of(case, &Comparison { left, right, kind, operation, ignores_case: false })
}

fn condition_of(case: &mut Case<'_>, comparison: &Comparison<'_>) -> Result<Value, Refused> {
    let Comparison { left, right, kind, operation, ignores_case } = *comparison;
    let operation = match operation {
        "afterOrEquals" | "beforeOrEquals" => {
            case.approximate("The same moment is not included.");
            operation.trim_end_matches("OrEquals")
        }
        operation => operation,
    };
    let found = OPERATORS.iter().find(|(name, _)| *name == operation);
    let Some((_, ours)) = found else {
        return Err(Refused::new(format!("the operator {operation} is not imported")));
    };
    let left = case.expression(left, "left side")?;
    let mut fields = Map::new();
    match *ours {
        Ours::Asks(operator) => {
            let is_boolean = matches!(operator, "is_true" | "is_false");
            let left = if is_boolean && left.is_path {
                Written::atom(format!("default({}, false)", left.text), left.kind)
            } else {
                left.lenient()
            };
            fields.insert("left".to_owned(), side(left));
            fields.insert("operator".to_owned(), Value::from(operator));
            return Ok(Value::Object(fields));
        }
        Ours::Not(function) => {
            let right = case.expression(right, "right side")?;
            let text = format!("{{{{ not {function}({}, {}) }}}}", left.text, right.text);
            return Ok(json!({"left": text, "operator": "is_true"}));
        }
        Ours::OfLength(operator) => {
            let text = format!("{{{{ length({}) }}}}", left.text);
            fields.insert("left".to_owned(), Value::from(text));
            fields.insert("operator".to_owned(), Value::from(operator));
            fields.insert("right".to_owned(), right_side(case, right, "number")?);
        }
        Ours::Compares(operator) => {
            let equates = matches!(operator, "equals" | "not_equals");
            let left = if equates { left.lenient() } else { left };
            fields.insert("left".to_owned(), side(left));
            fields.insert("operator".to_owned(), Value::from(operator));
            fields.insert("right".to_owned(), right_side(case, right, kind)?);
        }
    }
    if ignores_case {
        fields.insert("ignore_case".to_owned(), Value::Bool(true));
    }
    Ok(Value::Object(fields))
}

/// A side as a value: a constant as it is.
fn side(written: Written) -> Value {
    match serde_json::from_str(&written.text) {
        Ok(Value::String(text)) if text.contains("{{") => Value::from(braced(&written)),
        Ok(constant) => constant,
        Err(_) => Value::from(braced(&written)),
    }
}

/// A right side of a type: a text that is a constant is read as the type.
fn right_side(case: &mut Case<'_>, right: &Value, kind: &str) -> Result<Value, Refused> {
    let written = case.expression(right, "right side")?;
    if written.kind != Kind::Text {
        return Ok(side(written));
    }
    let value = side(written);
    let Some(text) = value.as_str().filter(|text| !text.contains("{{")) else { return Ok(value) };
    let read = match kind {
        "number" => serde_json::from_str::<serde_json::Number>(text.trim()).ok().map(Value::Number),
        "boolean" => text.trim().parse().ok().map(Value::Bool),
        _ => Some(value.clone()),
    };
    read.ok_or_else(|| Refused::new(format!("right side: {text:?} is no {kind}")))
}
