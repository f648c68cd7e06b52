//! The pieces of which the schemas of configs are made.

use serde_json::{Value, json};

/// Any value.
pub(in super::super) fn any() -> Value {
    json!({})
}

/// A text, which may hold expressions.
pub(in super::super) fn text() -> Value {
    json!({"type": "string"})
}

/// On or off.
pub(in super::super) fn boolean() -> Value {
    json!({"type": "boolean"})
}

/// A number of this range.
pub(in super::super) fn integer(min: u64, max: u64) -> Value {
    json!({"type": "integer", "minimum": min, "maximum": max})
}

/// One of these.
pub(in super::super) fn choice(values: &[&str]) -> Value {
    json!({"enum": values})
}

/// A list of these, at most `max`.
pub(in super::super) fn list_of(items: Value, max: usize) -> Value {
    json!({"type": "array", "items": items, "maxItems": max})
}

/// A list of texts, at most `max`.
pub(in super::super) fn strings(max: usize) -> Value {
    list_of(text(), max)
}

/// An object with these fields and no others.
pub(in super::super) fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// A value of this schema, or a text with an expression that gives one.
pub(in super::super) fn or_expression(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "string", "pattern": r"\{\{"}]})
}

/// One condition, or several.
pub(in super::super) fn conditions() -> Value {
    json!({"anyOf": [{"$ref": "#/$defs/condition"}, {"$ref": "#/$defs/conditions"}]})
}

/// What schemas of conditions refer to.
pub(super) fn definitions() -> Value {
    let operators = [
        "equals",
        "not_equals",
        "greater_than",
        "at_least",
        "less_than",
        "at_most",
        "contains",
        "not_contains",
        "in",
        "not_in",
        "starts_with",
        "ends_with",
        "matches",
        "before",
        "after",
        "is_empty",
        "is_not_empty",
        "is_null",
        "is_not_null",
        "is_true",
        "is_false",
        "exists",
        "not_exists",
    ];
    let condition =
        json!({"left": {}, "operator": {"enum": operators}, "right": {}, "ignore_case": {"type": "boolean"}});
    let conditions = json!({
        "combinator": {"enum": ["all", "any"]},
        "conditions": {"type": "array", "items": {"$ref": "#/$defs/condition"}},
        "groups": {"type": "array", "items": {"$ref": "#/$defs/conditions"}},
    });
    json!({"condition": object(condition, &["left", "operator"]), "conditions": object(conditions, &[])})
}
