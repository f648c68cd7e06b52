//! Nodes that give an object with fields.

use serde_json::{Map, Value, json};

use crate::import::n8n::{
    case::{Case, Translated, braced},
    expression::{Refused, format_of, is_template, quoted},
    sight::{Reading, View},
};

/// Most parts of the name of a field that are separated by dots.
const MAX_PARTS: usize = 20;

/// A node that gives these fields, beside those of its input if they stay.
fn transform(case: &Case<'_>, fields: Map<String, Value>, keeps: bool) -> Translated {
    let mut view = if keeps { case.input.view.clone() } else { View::default() };
    for name in fields.keys() {
        view = view.with(&[name.as_str()], &[name.as_str()]);
    }
    let config = json!({"fields": fields, "keep_input": keeps});
    Translated::new("transform", config, Reading::viewed(view))
}

pub(super) fn set(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let version = case.node.version;
    let mode = case.choice("mode", "manual");
    let keeps = if version < 3.0 {
        !case.flag("keepOnlySet", false)
    } else if version < 3.3 {
        case.choice("include", "all") != "none"
    } else {
        case.flag("includeOtherFields", false)
    };
    if keeps && matches!(case.choice("include", "all"), "selected" | "except") {
        case.approximate("All other fields stay, not the chosen ones.");
    }
    if keeps && case.input.view != View::default() {
        case.approximate("The other fields of its input lie elsewhere here.");
    }
    let is_nested = case.flag("options.dotNotation", true);
    case.leaves_out(&["duplicateItem", "options.include"]);
    let mut fields = Map::new();
    if matches!(mode, "raw" | "json") {
        let Some(json) = case.raw("jsonOutput") else { return Err(Refused::new("jsonOutput is missing")) };
        let Value::Object(found) = case.json(json, "jsonOutput")? else {
            return Err(Refused::new("jsonOutput is no object with known fields"));
        };
        return Ok(transform(case, found, keeps));
    }
    for (name, value) in assignments(case)? {
        if is_template(name) {
            return Err(Refused::new("a name of a field is an expression"));
        }
        let is_nested = is_nested && name.matches('.').count() < MAX_PARTS;
        insert(&mut fields, name, value, is_nested);
        if keeps && is_nested && name.contains('.') {
            case.approximate(format!("{name} replaces all fields of its object"));
        }
    }
    Ok(transform(case, fields, keeps))
}

/// The names and values that a node sets.
fn assignments<'a>(case: &mut Case<'a>) -> Result<Vec<(&'a str, Value)>, Refused> {
    let mut found = Vec::new();
    for row in case.rows("assignments.assignments") {
        let kind = row.get("type").and_then(Value::as_str).unwrap_or("string");
        found.push(assignment(case, row, kind, row.get("value"))?);
    }
    for row in case.rows("fields.values") {
        let kind = row.get("type").and_then(Value::as_str).unwrap_or("stringValue");
        let value = row.get(kind);
        found.push(assignment(case, row, kind.strip_suffix("Value").unwrap_or(kind), value)?);
    }
    for kind in ["string", "number", "boolean"] {
        for row in case.rows(&format!("values.{kind}")) {
            found.push(assignment(case, row, kind, row.get("value"))?);
        }
    }
    Ok(found)
}

fn assignment<'a>(
    case: &mut Case<'a>,
    row: &'a Map<String, Value>,
    kind: &str,
    value: Option<&Value>,
) -> Result<(&'a str, Value), Refused> {
    let name = row.get("name").and_then(Value::as_str).unwrap_or_default();
    let absent = match kind {
        "number" => Value::from(0),
        "boolean" => Value::Bool(false),
        "array" => json!([]),
        "object" => json!({}),
        _ => Value::from(""),
    };
    let place = if name.is_empty() { "a field without name" } else { name };
    let value = value.unwrap_or(&absent);
    let text = value.as_str().filter(|text| !is_template(text));
    let typed = match (kind, text) {
        ("number", Some(text)) => text.trim().parse::<serde_json::Number>().ok().map(Value::Number),
        ("boolean", Some(text)) => text.trim().parse().ok().map(Value::Bool),
        ("array" | "object", _) => Some(case.json(value, place)?),
        _ => Some(case.value(value, place)?),
    };
    let typed = typed.ok_or_else(|| Refused::new(format!("{place}: the value is no {kind}")))?;
    Ok((name, typed))
}

/// Sets a field. If names are paths, dots separate their parts.
fn insert(fields: &mut Map<String, Value>, name: &str, value: Value, is_nested: bool) {
    match name.split_once('.') {
        Some((first, rest)) if is_nested && !first.is_empty() && !rest.is_empty() => {
            let inner = fields.entry(first).or_insert_with(|| json!({}));
            if !inner.is_object() {
                *inner = json!({});
            }
            if let Value::Object(inner) = inner {
                insert(inner, rest, value, is_nested);
            }
        }
        _ => {
            fields.insert(name.to_owned(), value);
        }
    }
}

pub(super) fn date_time(case: &mut Case<'_>) -> Result<Translated, Refused> {
    if case.node.version < 2.0 {
        return Err(Refused::new("the first version of its type is not imported"));
    }
    let zone = case.sight.zone.map(|zone| format!(", {}", quoted(zone))).unwrap_or_default();
    let operation = case.choice("operation", "getCurrentDate");
    let (text, fallback) = match operation {
        "getCurrentDate" if case.flag("includeTime", true) => ("{{ now() }}".to_owned(), "currentDate"),
        "getCurrentDate" => (format!("{{{{ start_of(now(), \"day\"{zone}) }}}}"), "currentDate"),
        "formatDate" => {
            let date = expression_of(case, "date")?;
            let format = match case.choice("format", "MM/dd/yyyy") {
                "custom" => case.choice("customFormat", ""),
                format => format,
            };
            let format = quoted(&format_of(format)?);
            (format!("{{{{ format_date({date}, {format}{zone}) }}}}"), "formattedDate")
        }
        "addToDate" | "subtractFromDate" => {
            let (date, amount) = (expression_of(case, "magnitude")?, expression_of(case, "duration")?);
            let sign = if operation == "addToDate" { "" } else { "-" };
            let unit = quoted(case.choice("timeUnit", "days"));
            (format!("{{{{ add({date}, {sign}({amount}), {unit}{zone}) }}}}"), "newDate")
        }
        other => return Err(Refused::new(format!("the operation {other} is not imported"))),
    };
    let name = case.choice("outputFieldName", fallback);
    let keeps = case.flag("options.includeInputFields", false);
    let fields = Map::from_iter([(name.to_owned(), Value::from(text))]);
    Ok(transform(case, fields, keeps))
}

fn expression_of(case: &mut Case<'_>, field: &str) -> Result<String, Refused> {
    match case.raw(field) {
        Some(value) => case.expression(value, field).map(|written| written.text),
        None => Err(Refused::new(format!("{field} is missing"))),
    }
}

pub(super) fn html(case: &mut Case<'_>) -> Result<Translated, Refused> {
    match case.choice("operation", "generateHtmlTemplate") {
        "generateHtmlTemplate" => {}
        other => return Err(Refused::new(format!("the operation {other} is not imported"))),
    }
    let Some(value) = case.raw("html") else { return Err(Refused::new("html is missing")) };
    // A template of HTML has expressions without the sign in front.
    let written = match value.as_str() {
        Some(text) if !is_template(text) => case.value(&Value::from(format!("={text}")), "html")?,
        Some(_) => case.value(value, "html")?,
        None => Value::from(braced(&case.expression(value, "html")?)),
    };
    let fields = Map::from_iter([("html".to_owned(), written)]);
    Ok(transform(case, fields, false))
}
