//! Limits how much of a client's input an error answer repeats.

use serde_json::{Map, Value};

/// The most characters of the message, of a detail's name and of each text in it.
const LONGEST_TEXT: usize = 300;
/// The most details, and entries of a list or fields of an object among them.
const MOST_ENTRIES: usize = 32;
/// The deepest level of details.
const DEEPEST: usize = 3;

/// The text, or its beginning and an ellipsis.
pub(super) fn cut(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(LONGEST_TEXT) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// The first details, each cut.
pub(super) fn cut_details(details: Map<String, Value>) -> Map<String, Value> {
    cut_fields(details, 0)
}

fn cut_fields(fields: Map<String, Value>, depth: usize) -> Map<String, Value> {
    let first = fields.into_iter().take(MOST_ENTRIES);
    first.map(|(name, value)| (cut(name), cut_value(value, depth))).collect()
}

fn cut_value(value: Value, depth: usize) -> Value {
    match value {
        Value::String(text) => Value::String(cut(text)),
        Value::Array(_) | Value::Object(_) if depth >= DEEPEST => Value::Null,
        Value::Array(entries) => {
            entries.into_iter().take(MOST_ENTRIES).map(|entry| cut_value(entry, depth + 1)).collect()
        }
        Value::Object(fields) => Value::Object(cut_fields(fields, depth + 1)),
        other => other,
    }
}
