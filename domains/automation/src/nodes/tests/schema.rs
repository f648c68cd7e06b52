//! The part of JSON Schema 2020-12 that the schemas of the types use.

use serde_json::Value;

const KNOWN: [&str; 15] = [
    "$schema",
    "$defs",
    "$ref",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "maxItems",
    "enum",
    "anyOf",
    "pattern",
    "minimum",
    "maximum",
    "format",
];

/// The places of a value that its schema refuses.
pub(super) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let keywords = schema.as_object().expect("a schema is an object");
    for keyword in keywords.keys() {
        assert!(KNOWN.contains(&keyword.as_str()), "the keyword {keyword}");
    }
    if let Some(name) = schema.get("$ref") {
        let target = root.pointer(&name.as_str().unwrap()[1..]).expect("a definition");
        return check(root, target, value, at, found);
    }
    let mut refuse = |is_fine: bool, why: &str| {
        if !is_fine {
            found.push(format!("{at}: {why}"));
        }
    };
    if let Some(kind) = schema.get("type") {
        let kinds: Vec<&str> = match kind {
            Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
            kind => vec![kind.as_str().unwrap()],
        };
        refuse(kinds.iter().any(|kind| has_type(value, kind)), "type");
    }
    if let Some(values) = schema.get("enum") {
        refuse(values.as_array().unwrap().contains(value), "enum");
    }
    if let (Some(pattern), Some(text)) = (schema.get("pattern"), value.as_str()) {
        refuse(regex::Regex::new(pattern.as_str().unwrap()).unwrap().is_match(text), "pattern");
    }
    if let Some(number) = value.as_f64() {
        refuse(schema.get("minimum").is_none_or(|min| number >= min.as_f64().unwrap()), "minimum");
        refuse(schema.get("maximum").is_none_or(|max| number <= max.as_f64().unwrap()), "maximum");
    }
    if let Some(any) = schema.get("anyOf") {
        let fits = |schema: &Value| {
            let mut inner = Vec::new();
            check(root, schema, value, at, &mut inner);
            inner.is_empty()
        };
        refuse(any.as_array().unwrap().iter().any(fits), "anyOf");
    }
    check_parts(root, schema, value, at, found);
}

fn check_parts(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(fields) = value.as_object() {
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                found.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, field) in fields {
            match schema.get("properties").and_then(|properties| properties.get(name)) {
                Some(schema) => check(root, schema, field, &format!("{at}/{name}"), found),
                None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                    found.push(format!("{at}: {name} is unknown"));
                }
                None => {}
            }
        }
    }
    if let Some(items) = value.as_array() {
        if let Some(max) = schema.get("maxItems").and_then(Value::as_u64)
            && items.len() as u64 > max
        {
            found.push(format!("{at}: maxItems"));
        }
        if let Some(schema) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                check(root, schema, item, &format!("{at}/{index}"), found);
            }
        }
    }
}

fn has_type(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other}"),
    }
}
