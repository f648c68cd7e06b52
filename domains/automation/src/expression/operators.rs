//! Arithmetic and comparisons of values. Nothing is converted silently: text is no number.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{
    error::Fault,
    session::bound,
    syntax::{Binary, Comparison},
};

/// A number with what it may become.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numeric {
    Integer(i128),
    Float(f64),
}

impl Numeric {
    /// The number of a value, if it is one.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let Value::Number(number) = value else { return None };
        let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        integer.map(Self::Integer).or_else(|| number.as_f64().map(Self::Float))
    }

    /// As a floating-point number.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) const fn as_float(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }

    /// As a value; what does not fit into 64 bits is an error.
    pub(crate) fn into_value(self) -> Result<Value, Fault> {
        let number = match self {
            Self::Integer(integer) => i64::try_from(integer)
                .map(Number::from)
                .or_else(|_| u64::try_from(integer).map(Number::from))
                .ok(),
            Self::Float(float) => Number::from_f64(float),
        };
        number.map(Value::Number).ok_or(Fault::Overflow)
    }

    fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => Some(left.cmp(&right)),
            _ => self.as_float().partial_cmp(&other.as_float()),
        }
    }
}

/// The name of a value's type, as errors use it.
pub(crate) const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Whether the value counts as true: null, false, 0, and what is empty do not.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(_) | Value::Array(_) | Value::Object(_) => !is_empty(value),
    }
}

/// Whether the value is null or has nothing in it.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// The value as it is written into a text: null as nothing, lists and objects as JSON.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => {
                format!("{float:.0}")
            }
            _ => number.to_string(),
        },
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Whether two values are the same; numbers by their value.
pub(super) fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => order(left, right) == Ok(Ordering::Equal),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let same =
                |(key, value): (&String, &Value)| right.get(key).is_some_and(|other| is_equal(value, other));
            left.len() == right.len() && left.iter().all(same)
        }
        _ => left == right,
    }
}

/// The order of two numbers, texts or booleans.
pub(crate) fn order(left: &Value, right: &Value) -> Result<Ordering, Fault> {
    let numbers = Numeric::of(left).zip(Numeric::of(right));
    let found = match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        _ => numbers.and_then(|(left, right)| left.order(right)),
    };
    found.ok_or_else(|| {
        Fault::Type(format!("{} cannot be ordered with {}", type_name(left), type_name(right)))
    })
}

/// Whether a list has this item, a text this part, an object this key.
pub(super) fn contains(container: &Value, item: &Value) -> Result<bool, Fault> {
    match (container, item) {
        (Value::Array(items), item) => Ok(items.iter().any(|each| is_equal(each, item))),
        (Value::String(text), Value::String(part)) => Ok(text.contains(part.as_str())),
        (Value::Object(fields), Value::String(key)) => Ok(fields.contains_key(key)),
        _ => Err(Fault::Type(format!("{} cannot contain {}", type_name(container), type_name(item)))),
    }
}

/// The result of a comparison.
pub(super) fn compare(comparison: Comparison, left: &Value, right: &Value) -> Result<bool, Fault> {
    Ok(match comparison {
        Comparison::Equal => is_equal(left, right),
        Comparison::NotEqual => !is_equal(left, right),
        Comparison::Less => order(left, right)?.is_lt(),
        Comparison::AtMost => order(left, right)?.is_le(),
        Comparison::Greater => order(left, right)?.is_gt(),
        Comparison::AtLeast => order(left, right)?.is_ge(),
        Comparison::In => contains(right, left)?,
        Comparison::NotIn => !contains(right, left)?,
    })
}

/// The result of an operator whose two sides are values.
pub(super) fn apply(operator: Binary, left: &Value, right: &Value) -> Result<Value, Fault> {
    match (operator, left, right) {
        (Binary::Concatenate, _, _) => concatenate(&text_of(left), &text_of(right)),
        (Binary::Add, Value::String(left), Value::String(right)) => concatenate(left, right),
        (Binary::Add, Value::Array(left), Value::Array(right)) => {
            Ok(left.iter().chain(right).cloned().collect())
        }
        _ => {
            let numbers = Numeric::of(left).zip(Numeric::of(right));
            let (left, right) = numbers.ok_or_else(|| {
                let (left, right) = (type_name(left), type_name(right));
                Fault::Type(format!("{left} and {right} cannot be calculated with"))
            })?;
            calculate(operator, left, right)?.into_value()
        }
    }
}

fn concatenate(left: &str, right: &str) -> Result<Value, Fault> {
    bound(left.len() + right.len())?;
    Ok(Value::from([left, right].concat()))
}

fn calculate(operator: Binary, left: Numeric, right: Numeric) -> Result<Numeric, Fault> {
    let divides = matches!(operator, Binary::Divide | Binary::FloorDivide | Binary::Remainder);
    if divides && right.as_float() == 0.0 {
        return Err(Fault::Argument("division by zero".into()));
    }
    match (left, right) {
        (Numeric::Integer(left), Numeric::Integer(right)) => integers(operator, left, right),
        _ => Ok(Numeric::Float(floats(operator, left.as_float(), right.as_float()))),
    }
}

/// Integers stay integers where the result is one.
fn integers(operator: Binary, left: i128, right: i128) -> Result<Numeric, Fault> {
    let float = || {
        let sides = (Numeric::Integer(left).as_float(), Numeric::Integer(right).as_float());
        Ok(Numeric::Float(floats(operator, sides.0, sides.1)))
    };
    let found = match operator {
        Binary::Subtract => left.checked_sub(right),
        Binary::Multiply => left.checked_mul(right),
        Binary::Divide if left % right == 0 => left.checked_div(right),
        Binary::Divide => return float(),
        Binary::FloorDivide => Some((left - (left % right + right) % right) / right),
        Binary::Remainder => Some((left % right + right) % right),
        Binary::Power if right < 0 => return float(),
        Binary::Power => u32::try_from(right).ok().and_then(|right| left.checked_pow(right)),
        Binary::Add | Binary::And | Binary::Or | Binary::Concatenate => left.checked_add(right),
    };
    found.map(Numeric::Integer).ok_or(Fault::Overflow)
}

fn floats(operator: Binary, left: f64, right: f64) -> f64 {
    match operator {
        Binary::Subtract => left - right,
        Binary::Multiply => left * right,
        Binary::Divide => left / right,
        Binary::FloorDivide => (left / right).floor(),
        Binary::Remainder => left - right * (left / right).floor(),
        Binary::Power => left.powf(right),
        Binary::Add | Binary::And | Binary::Or | Binary::Concatenate => left + right,
    }
}
