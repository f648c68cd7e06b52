//! An answer, as the output of the node.

use atelier_providers::http::OutboundResponse;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::{expression::Redactor, nodes::call::NodeFailure, retry_after::pause};

/// The headers that are given on. None of them carries a secret of the server.
const GIVEN: [&str; 16] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "x-request-id",
    "x-total-count",
];
/// Beginnings of further headers that are given on.
const GIVEN_PREFIXES: [&str; 2] = ["ratelimit", "x-ratelimit-"];
/// Most characters of a header.
const MAX_HEADER_CHARS: usize = 2_000;
/// Most characters of an answer that an error shows.
const MAX_EXCERPT_CHARS: usize = 300;

/// Status, headers and body.
pub(super) fn read(answer: &OutboundResponse) -> Value {
    let (body_type, body) = body(answer);
    json!({
        "status": answer.status,
        "headers": headers(answer),
        "body_type": body_type,
        "body": body,
    })
}

fn headers(answer: &OutboundResponse) -> Map<String, Value> {
    let mut given = Map::new();
    for (name, value) in &answer.headers {
        let is_given =
            GIVEN.contains(&name.as_str()) || GIVEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if !is_given {
            continue;
        }
        let value: String = value.chars().take(MAX_HEADER_CHARS).collect();
        match given.get_mut(name) {
            Some(Value::String(earlier)) if earlier.len() <= MAX_HEADER_CHARS => {
                earlier.push_str(", ");
                earlier.push_str(&value);
            }
            Some(_) => {}
            None => {
                given.insert(name.clone(), Value::String(value));
            }
        }
    }
    given
}

fn body(answer: &OutboundResponse) -> (&'static str, Value) {
    if answer.body.is_empty() {
        return ("empty", Value::Null);
    }
    if is_json(answer)
        && let Ok(value) = serde_json::from_slice(&answer.body)
    {
        return ("json", value);
    }
    match std::str::from_utf8(&answer.body) {
        Ok(text) => ("text", Value::from(text)),
        Err(_) => ("base64", Value::String(STANDARD.encode(&answer.body))),
    }
}

fn header<'a>(answer: &'a OutboundResponse, wanted: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
}

fn is_json(answer: &OutboundResponse) -> bool {
    let kind = header(answer, "content-type").unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

/// The failure of an answer with a status of 400 and above.
pub(in crate::nodes) fn status_failure(
    answer: &OutboundResponse,
    redactor: &Redactor,
    now: DateTime<Utc>,
) -> NodeFailure {
    let status = answer.status;
    let mut message = format!("The server answered {status}.");
    if let Ok(text) = std::str::from_utf8(&answer.body)
        && !text.trim().is_empty()
    {
        let text = redactor.redact_text(text);
        let words = text.split_whitespace().flat_map(|word| word.chars().chain([' ']));
        let excerpt: String = words.filter(|char| !char.is_control()).take(MAX_EXCERPT_CHARS).collect();
        message = format!("The server answered {status}: {}", excerpt.trim_end());
    }
    let retry_after = header(answer, "retry-after").and_then(|text| pause(text, now));
    NodeFailure { status: Some(status), retry_after, ..NodeFailure::new("HTTP_STATUS", message) }
}
