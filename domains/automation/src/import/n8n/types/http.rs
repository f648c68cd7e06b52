//! Requests.

use serde_json::{Map, Value, json};

use crate::{
    graph::policy::MAX_TIMEOUT_SECONDS,
    import::n8n::{
        case::{Case, Translated},
        expression::Refused,
        sight::{Reading, View},
    },
    integrations::header,
};

/// Most headers, parameters and fields that are read.
const MAX_ROWS: usize = 100;

/// A body and how it is sent.
type Body = Option<(Value, &'static str)>;

pub(super) fn request(case: &mut Case<'_>) -> Result<Translated, Refused> {
    let is_new = case.node.version >= 3.0;
    let method = case.choice(if is_new { "method" } else { "requestMethod" }, "GET");
    if !["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&method) {
        return Err(Refused::new(format!("the method {method} is not imported")));
    }
    if case.flag("allowUnauthorizedCerts", false) || case.flag("options.allowUnauthorizedCerts", false) {
        case.approximate("Certificates are always checked.");
    }
    let url = case.required("url")?;
    let (query, headers, body) = if is_new { newer(case)? } else { older(case, method)? };
    let mut config = json!({"method": method, "url": url});
    if !query.is_empty() {
        config["query"] = Value::Object(query);
    }
    let headers = allowed(case, headers);
    if !headers.is_empty() {
        config["headers"] = Value::Object(headers);
    }
    match body {
        Some(_) if matches!(method, "GET" | "HEAD") => {
            case.approximate(format!("A {method} request has no body."));
        }
        Some((body, format)) => {
            config["body"] = body;
            config["body_format"] = Value::from(format);
        }
        None => {}
    }
    finish(case, config)
}

/// The options, and what the request gives.
fn finish(case: &mut Case<'_>, mut config: Value) -> Result<Translated, Refused> {
    if case.choice("authentication", "none") != "none" {
        case.approximate("Choose an integration with its credentials.");
    }
    let response = "options.response.response";
    let is_lenient = case.flag(&format!("{response}.neverError"), false)
        || case.flag("options.ignoreResponseCode", false)
        || case.flag("ignoreResponseCode", false);
    if is_lenient {
        config["fail_on_status"] = Value::Bool(false);
    }
    let format = case.choice(&format!("{response}.responseFormat"), case.choice("responseFormat", "json"));
    if format == "file" {
        return Err(Refused::new("an answer that is a file is not imported"));
    }
    case.leaves_out(&["options.pagination", "options.batching", "options.proxy", "options.redirect"]);
    let is_full =
        case.flag(&format!("{response}.fullResponse"), false) || case.flag("options.fullResponse", false);
    let view = match format {
        _ if is_full => View::of(&["statusCode"], &["status"]),
        "text" => View::of(&[], &["body"]).with(&["data"], &["body"]),
        _ => View::of(&[], &["body"]),
    };
    if !is_full {
        case.approximate(
            "A list that it answers is one item here: split it out before what runs for each item.",
        );
    }
    let mut made = Translated::new("http_request", config, Reading::viewed(view));
    made.timeout_seconds = case.whole("options.timeout").map(|millis| {
        let seconds = u32::try_from(millis.div_ceil(1000)).unwrap_or(MAX_TIMEOUT_SECONDS);
        seconds.clamp(1, MAX_TIMEOUT_SECONDS)
    });
    Ok(made)
}

type Parts = (Map<String, Value>, Map<String, Value>, Body);

fn newer(case: &mut Case<'_>) -> Result<Parts, Refused> {
    let query = match (case.flag("sendQuery", false), case.choice("specifyQuery", "keypair")) {
        (false, _) => Map::new(),
        (true, "json") => object(case, "jsonQuery")?,
        (true, _) => pairs(case, "queryParameters.parameters")?,
    };
    let headers = match (case.flag("sendHeaders", false), case.choice("specifyHeaders", "keypair")) {
        (false, _) => Map::new(),
        (true, "json") => object(case, "jsonHeaders")?,
        (true, _) => pairs(case, "headerParameters.parameters")?,
    };
    if !case.flag("sendBody", false) {
        return Ok((query, headers, None));
    }
    let mut headers = headers;
    let specified = case.choice("specifyBody", "keypair");
    let body = match case.choice("contentType", "json") {
        "json" if specified == "json" => (json_of(case, "jsonBody")?, "json"),
        "json" => (Value::Object(pairs(case, "bodyParameters.parameters")?), "json"),
        "form-urlencoded" if specified == "string" => {
            headers.insert("content-type".to_owned(), json!("application/x-www-form-urlencoded"));
            (Value::from(case.required("body")?), "text")
        }
        "form-urlencoded" => (Value::Object(pairs(case, "bodyParameters.parameters")?), "form"),
        "raw" => {
            if let Some(kind) = case.text("rawContentType")? {
                headers.insert("content-type".to_owned(), Value::from(kind));
            }
            (Value::from(case.text("body")?.unwrap_or_default()), "text")
        }
        other => return Err(Refused::new(format!("a body of the type {other} is not imported"))),
    };
    Ok((query, headers, Some(body)))
}

fn older(case: &mut Case<'_>, method: &str) -> Result<Parts, Refused> {
    if case.flag("sendBinaryData", false) {
        return Err(Refused::new("a body of the type binaryData is not imported"));
    }
    let is_json = case.flag("jsonParameters", false);
    let (query, headers) = if is_json {
        (object(case, "queryParametersJson")?, object(case, "headerParametersJson")?)
    } else {
        (pairs(case, "queryParametersUi.parameter")?, pairs(case, "headerParametersUi.parameter")?)
    };
    if matches!(method, "GET" | "HEAD") {
        return Ok((query, headers, None));
    }
    let format = match case.choice("options.bodyContentType", "json") {
        "json" => "json",
        "form-urlencoded" => "form",
        other => return Err(Refused::new(format!("a body of the type {other} is not imported"))),
    };
    let body = if is_json && case.has("bodyParametersJson") {
        json_of(case, "bodyParametersJson")?
    } else {
        Value::Object(pairs(case, "bodyParametersUi.parameter")?)
    };
    let is_empty = body.as_object().is_some_and(Map::is_empty);
    Ok((query, headers, (!is_empty).then_some((body, format))))
}

fn json_of(case: &mut Case<'_>, path: &str) -> Result<Value, Refused> {
    match case.raw(path) {
        Some(value) => case.json(value, path),
        None => Ok(json!({})),
    }
}

fn object(case: &mut Case<'_>, path: &str) -> Result<Map<String, Value>, Refused> {
    if !case.has(path) {
        return Ok(Map::new());
    }
    match json_of(case, path)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(Refused::new(format!("{path} is no object with known names"))),
    }
}

/// Names with values. A name that is there several times has a list.
fn pairs(case: &mut Case<'_>, path: &str) -> Result<Map<String, Value>, Refused> {
    let mut found = Map::new();
    for row in case.rows(path).take(MAX_ROWS) {
        let Some(name) = row.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) else {
            continue;
        };
        if name.contains("{{") {
            return Err(Refused::new(format!("{path}: a name is an expression")));
        }
        let value = case.value(row.get("value").unwrap_or(&Value::Null), &format!("{path} {name}"))?;
        match found.get_mut(name) {
            None => {
                found.insert(name.to_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(other) => *other = Value::Array(vec![other.take(), value]),
        }
    }
    Ok(found)
}

/// The headers that a request may have.
fn allowed(case: &mut Case<'_>, headers: Map<String, Value>) -> Map<String, Value> {
    let mut kept = Map::new();
    for (name, value) in headers {
        let is_secret = ["authorization", "x-api-key", "api-key", "apikey", "cookie"]
            .contains(&name.to_ascii_lowercase().as_str());
        if is_secret {
            case.remark(format!("The header {name} carries a secret: move it to an integration."));
        }
        if header::check_name(&name).is_ok() {
            kept.insert(name, value);
        } else {
            case.approximate(format!("The header {name} is left out."));
        }
    }
    kept
}
