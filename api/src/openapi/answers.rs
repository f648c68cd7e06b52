//! Holds answers against the document: status, headers and body are as it says.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use serde_json::Value;

use super::openapi_json;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&openapi_json()).expect("JSON"));

/// An answer and what was asked.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Value,
}

/// What of an answer is not as the document says; nothing where it does not know the
/// operation.
pub(crate) fn faults(asked: &Asked<'_>) -> Vec<String> {
    let Some(operation) = find(asked.method, asked.path) else { return Vec::new() };
    // What reaches no operation is answered for all of them.
    if matches!(asked.status, 405 | 414 | 431) {
        return Vec::new();
    }
    let response = resolve(&operation["responses"][asked.status.to_string()]);
    if response.is_null() {
        return vec![format!("the status {}: {}", asked.status, asked.body)];
    }
    let mut faults = Vec::new();
    for (name, _) in fields(&DOCUMENT["components"]["headers"]) {
        if asked.headers.contains_key(name) && response["headers"][name].is_null() {
            faults.push(format!("the header {name} of {}", asked.status));
        }
    }
    let kind = asked.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    let content = &response["content"][kind];
    if content.is_null() && !kind.is_empty() && response["content"]["*/*"].is_null() {
        faults.push(format!("the type {kind} of {}", asked.status));
    }
    if kind == "application/json" && content.is_object() {
        check(&content["schema"], asked.body, "", true, &mut faults);
    }
    faults
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The operation of a path; one without parameters goes before others.
fn find(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<_> = path.split('/').collect();
    let is_same = |template: &str| {
        let template: Vec<_> = template.split('/').collect();
        let fits = |(part, known): (&&str, &&str)| part == known || known.starts_with('{');
        template.len() == parts.len() && parts.iter().zip(&template).all(fits)
    };
    let found = fields(&DOCUMENT["paths"]).filter(|(template, _)| is_same(template));
    let item = found.min_by_key(|(template, _)| template.matches('{').count())?.1;
    Some(&item[method.to_lowercase()]).filter(|operation| operation.is_object())
}

fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(&reference[1..]).unwrap_or(&Value::Null),
        None => value,
    }
}

/// Notes where a value is not of a schema. `is_whole` says that no other schema describes
/// the value too, so that every field has to be known.
fn check(schema: &'static Value, value: &Value, place: &str, is_whole: bool, faults: &mut Vec<String>) {
    let schema = resolve(schema);
    let fits = |part: &'static Value| {
        let mut faults = Vec::new();
        check(part, value, place, is_whole, &mut faults);
        faults.is_empty()
    };
    let one = schema["oneOf"].is_null() || entries(&schema["oneOf"]).filter(|part| fits(part)).count() == 1;
    let any = schema["anyOf"].is_null() || entries(&schema["anyOf"]).any(fits);
    let of_set = schema["enum"].is_null() || entries(&schema["enum"]).any(|known| known == value);
    if !one || !any || !of_set || !is_of_type(&schema["type"], value) {
        faults.push(format!("{place}: {value}"));
    }
    entries(&schema["allOf"]).for_each(|part| check(part, value, place, false, faults));
    if let Value::Array(values) = value {
        values.iter().for_each(|value| check(&schema["items"], value, &format!("{place}[]"), true, faults));
    }
    if value.is_object() && schema["properties"].is_object() || schema["additionalProperties"].is_object() {
        check_fields(schema, value, place, is_whole, faults);
    }
}

fn check_fields(
    schema: &'static Value,
    value: &Value,
    place: &str,
    is_whole: bool,
    faults: &mut Vec<String>,
) {
    for name in entries(&schema["required"]).filter_map(Value::as_str) {
        if value.get(name).is_none() {
            faults.push(format!("{place}/{name} is not there"));
        }
    }
    for (name, value) in fields(value) {
        let place = format!("{place}/{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Null) if is_whole => faults.push(format!("{place} is not known")),
            (Value::Null, others) => check(others, value, &place, true, faults),
            (known, _) => check(known, value, &place, true, faults),
        }
    }
}

fn is_of_type(kind: &Value, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    };
    match kind {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn faults_of(path: &str, status: u16, body: &Value) -> Vec<String> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        faults(&Asked { method: "GET", path, status, headers: &headers, body })
    }

    #[test]
    fn what_is_not_as_documented_is_found() {
        let balance = json!({"total": 1, "quick_price": 2, "advanced_price": 4});
        let error = json!({"error": "No.", "code": "UNAUTHENTICATED", "details": {}, "request_id": null});
        let with = |base: &Value, name: &str, value: Value| {
            let mut changed = base.clone();
            changed[name] = value;
            changed
        };
        for (status, body, faulty) in [
            (200, balance.clone(), false),
            (200, with(&balance, "total", "1".into()), true),
            (200, with(&balance, "secret", 1.into()), true),
            (200, json!({"total": 1}), true),
            (418, balance, true),
            (401, error.clone(), false),
            (401, with(&error, "code", "EMAIL_TAKEN".into()), true),
        ] {
            let found = faults_of("/api/credits/balance", status, &body);
            assert_eq!(!found.is_empty(), faulty, "{body}: {found:?}");
        }
    }

    #[test]
    fn a_path_is_found_by_its_pattern() {
        let name = |path: &str| find("GET", path).map(|operation| operation["operationId"].as_str());

        assert_eq!(name("/api/admin/mails/templates"), Some(Some("list_mail_templates")));
        assert_eq!(name("/api/admin/mails/7?page=1"), Some(Some("get_mail")));
        assert_eq!(name("/api/nothing"), None);
    }
}
