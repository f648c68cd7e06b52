//! JSON whose values are expressions.

use serde_json::Value;

use super::expression::braces_after;

/// Marks a text that is one expression. The document has no such character.
const MARK: char = '\u{0}';

/// Reads JSON with expressions in and between its texts; its texts are templates of n8n then. Nothing if it is
/// no JSON.
pub(super) fn read(text: &str) -> Option<Value> {
    let mut json = String::new();
    let mut rest = text;
    let (mut in_text, mut is_escaped) = (false, false);
    while let Some(char) = rest.chars().next() {
        if rest.starts_with("{{") && !is_escaped {
            let (source, after) = rest[2..].split_once("}}")?;
            let source = &rest[2..2 + source.len() + braces_after(source, after)];
            if in_text {
                json.push_str(&escaped(&format!("{{{{{source}}}}}")));
            } else {
                json.push_str(&Value::from(format!("{MARK}{source}")).to_string());
            }
            rest = &rest[2 + source.len() + 2..];
            continue;
        }
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' if in_text => is_escaped = true,
            '"' => in_text = !in_text,
            _ => {}
        }
        if in_text && char.is_control() {
            // Line breaks stand in texts as they are.
            json.push_str(&escaped(&char.to_string()));
        } else {
            json.push(char);
        }
        rest = &rest[char.len_utf8()..];
    }
    serde_json::from_str(&json).ok().map(marked)
}

/// A text as it stands between the quotes of JSON.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// Texts as templates of n8n.
fn marked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(match text.strip_prefix(MARK) {
            Some(source) => format!("={{{{ {} }}}}", without_stringify(source.trim())),
            None => format!("={text}"),
        }),
        Value::Array(items) => items.into_iter().map(marked).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, marked(value))).collect(),
        other => other,
    }
}

/// What is written as JSON there is a value here.
fn without_stringify(source: &str) -> &str {
    let inner = source.strip_prefix("JSON.stringify(").and_then(|rest| rest.strip_suffix(')'));
    inner
        .or_else(|| source.strip_suffix(".toJsonString()"))
        .filter(|inner| is_balanced(inner))
        .unwrap_or(source)
}

/// Whether no bracket is closed that is not opened in the text.
pub(super) fn is_balanced(text: &str) -> bool {
    let mut depth = 0_usize;
    for char in text.chars() {
        match char {
            '(' => depth += 1,
            ')' if depth == 0 => return false,
            ')' => depth -= 1,
            _ => {}
        }
    }
    depth == 0
}
