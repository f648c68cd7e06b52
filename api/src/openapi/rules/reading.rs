//! Reading the document as JSON.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::openapi::openapi_json;

pub(super) fn document() -> Value {
    serde_json::from_str(&openapi_json()).expect("JSON")
}

pub(super) fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

pub(super) fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(super) fn texts(value: &Value) -> BTreeSet<&str> {
    array(value).filter_map(Value::as_str).collect()
}

/// Every operation with its method and path.
pub(super) fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    object(&document["paths"]).flat_map(|(path, item)| {
        object(item).map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

pub(super) fn schemas(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object(&document["components"]["schemas"])
}

/// Visits a value and all that is in it but for examples, with their places.
pub(super) fn visit<'a>(place: &str, value: &'a Value, look: &mut dyn FnMut(&str, &'a Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            look(place, fields);
            for (name, inner) in fields {
                if !["default", "enum", "example", "examples"].contains(&name.as_str())
                    || inner["type"].is_string()
                {
                    visit(&format!("{place}/{name}"), inner, look);
                }
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| visit(place, entry, look)),
        _ => {}
    }
}

pub(super) fn name_of(reference: &Value) -> Option<&str> {
    reference["$ref"].as_str()?.rsplit('/').next()
}

/// The names of the schemas that a value refers to, and of those that these refer to.
pub(super) fn reachable<'a>(document: &'a Value, from: impl Iterator<Item = &'a Value>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut stack: Vec<&Value> = from.collect();
    while let Some(value) = stack.pop() {
        visit("", value, &mut |_, fields| {
            let Some(name) = fields.get("$ref").and_then(Value::as_str) else { return };
            let name = name.rsplit('/').next().unwrap_or_default();
            if let Some(target) = document.pointer(&fields["$ref"].as_str().unwrap_or_default()[1..])
                && found.insert(name)
            {
                stack.push(target);
            }
        });
    }
    found
}

pub(super) fn is_nullable(schema: &Value) -> bool {
    let is_null = |part: &Value| part["type"] == "null";
    texts(&schema["type"]).contains("null")
        || ["oneOf", "anyOf"].iter().any(|of| array(&schema[of]).any(is_null))
}

/// Whether a schema is text of any content.
pub(super) fn is_open_text(schema: &Value) -> bool {
    let is_text = schema["type"] == "string" || texts(&schema["type"]).contains("string");
    is_text && schema["enum"].is_null() && schema["format"].is_null()
}

/// Whether a description begins with a list of values, such as "asc or desc.".
pub(super) fn lists_values(description: &str) -> bool {
    let first = description.split(['.', ';', ':']).next().unwrap_or_default().replace(" or ", ", ");
    let is_value =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || "_-".contains(c));
    first.contains(", ") && first.split(", ").all(is_value)
}

/// Each parameter of each operation, and each field of each schema, with its place.
pub(super) fn members(document: &Value) -> Vec<(String, &str, &Value, &Value)> {
    let mut found = Vec::new();
    for (operation, value) in operations(document) {
        for parameter in array(&value["parameters"]) {
            let name = parameter["name"].as_str().unwrap_or_default();
            found.push((
                format!("{operation} {name}"),
                name,
                &parameter["schema"],
                &parameter["description"],
            ));
        }
    }
    for (schema, value) in schemas(document) {
        visit(schema, value, &mut |place, fields| {
            let place = place.split('/').next().unwrap_or_default();
            for (name, field) in fields.get("properties").into_iter().flat_map(object) {
                found.push((format!("{place}/{name}"), name, field, &field["description"]));
            }
        });
    }
    found
}

pub(super) fn responses(operation: &Value) -> impl Iterator<Item = &Value> {
    object(&operation["responses"]).map(|(_, response)| response)
}

/// The codes of an error answer; none where it is no error of the shape.
pub(super) fn codes_of<'a>(document: &'a Value, response: &'a Value) -> Option<BTreeSet<&'a str>> {
    let response = match response["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..])?,
        None => response,
    };
    let schema = &response["content"]["application/json"]["schema"];
    let is_error = name_of(schema) == Some("ErrorBody")
        || array(&schema["allOf"]).any(|part| name_of(part) == Some("ErrorBody"));
    let codes = array(&schema["allOf"]).flat_map(|part| texts(&part["properties"]["code"]["enum"])).collect();
    is_error.then_some(codes)
}
