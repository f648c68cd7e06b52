//! Lists and the fields of their items, as several types of nodes read them.

use std::cmp::Ordering;

use serde_json::Value;

use super::call::NodeFailure;
use crate::expression::{Numeric, order, type_name};

/// Most items of a list that a node gives.
pub(super) const MAX_ITEMS: usize = 100_000;
/// Most fields that a config names.
pub(super) const MAX_FIELDS: usize = 20;

/// The value of a field of an item. Dots separate the parts of a path; numbers are places in
/// lists. Nothing where a part is missing.
pub(super) fn field<'a>(item: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(found) = item.get(path) {
        return Some(found);
    }
    path.split('.').try_fold(item, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    })
}

/// The value of a field, where it is there and not null.
pub(super) fn present<'a>(item: &'a Value, path: &str) -> Option<&'a Value> {
    field(item, path).filter(|value| !value.is_null())
}

/// A text that is the same for equal values and no others: the numbers 1 and 1.0 are equal.
pub(super) fn identity(value: &Value) -> String {
    let mut text = String::new();
    write_identity(value, &mut text);
    text
}

fn write_identity(value: &Value, text: &mut String) {
    match (value, exact(value)) {
        (_, Some(Numeric::Integer(integer))) => text.push_str(&integer.to_string()),
        (Value::Array(items), _) => {
            text.push('[');
            for item in items {
                write_identity(item, text);
                text.push(',');
            }
            text.push(']');
        }
        (Value::Object(fields), _) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (key, field) in fields {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_identity(field, text);
                text.push(',');
            }
            text.push('}');
        }
        _ => text.push_str(&value.to_string()),
    }
}

/// The order of two values that have one. Numbers are compared exactly, so that the order is
/// the same for every list.
pub(super) fn total_order(left: &Value, right: &Value) -> Ordering {
    match (exact(left), exact(right)) {
        (Some(Numeric::Integer(left)), Some(Numeric::Integer(right))) => left.cmp(&right),
        (Some(left), Some(right)) => left.as_float().total_cmp(&right.as_float()),
        _ => order(left, right).unwrap_or(Ordering::Equal),
    }
}

/// A number, as an integer wherever it is one.
#[allow(clippy::cast_possible_truncation)]
fn exact(value: &Value) -> Option<Numeric> {
    /// Every float with no fraction below this is an integer of 128 bits.
    const MAX: f64 = 1e38;
    match Numeric::of(value)? {
        Numeric::Float(float) if float.fract() == 0.0 && float.abs() < MAX => {
            Some(Numeric::Integer(float as i128))
        }
        number => Some(number),
    }
}

/// Refuses a list that is longer than a node may give.
pub(super) fn bound(count: usize, max: usize) -> Result<(), NodeFailure> {
    if count <= max {
        return Ok(());
    }
    let message = format!("There are {count} items; at most {max} are allowed.");
    Err(NodeFailure::permanent(NodeFailure::TOO_MANY_ITEMS, message))
}

/// The failure of an item whose value has the wrong type.
pub(super) fn wrong_type(index: usize, expected: &str, value: &Value) -> NodeFailure {
    NodeFailure::of_data(format!("Item {index} is {}, not {expected}.", type_name(value)))
}
