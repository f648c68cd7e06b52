//! A request, made of structured fields.

use atelier_providers::http::OutboundRequest;
use bytes::Bytes;
use serde_json::Value;
use url::{Url, form_urlencoded::Serializer};

use super::{BodyFormat, HttpRequest};
use crate::{
    expression::{text_of, type_name},
    graph::ConfigFault,
    integrations::header,
    nodes::call::NodeFailure,
};

/// Most headers of a request.
const MAX_HEADERS: usize = 100;
/// Most bytes of a body.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Refuses headers that a request may not have.
pub(super) fn check_headers<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> Result<(), ConfigFault> {
    if names.len() > MAX_HEADERS {
        return Err(ConfigFault::at("/headers", format!("at most {MAX_HEADERS} headers are allowed")));
    }
    for name in names {
        let Err(problem) = header::check_name(name) else { continue };
        let pointer = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        return Err(ConfigFault::at(pointer, problem));
    }
    Ok(())
}

/// The request that a config asks for.
pub(super) fn build(config: &HttpRequest, idempotency_key: &str) -> Result<OutboundRequest, NodeFailure> {
    let mut headers = headers_of(config)?;
    let has = |headers: &[(String, String)], name: &str| headers.iter().any(|(other, _)| other == name);
    let (body, content_type) = match &config.body {
        None => (Bytes::new(), None),
        Some(body) => body_of(body, config.body_format)?,
    };
    if let Some(content_type) = content_type
        && !has(&headers, "content-type")
    {
        headers.push(("content-type".to_owned(), content_type.to_owned()));
    }
    if config.method.changes() && !has(&headers, IDEMPOTENCY_KEY) {
        headers.push((IDEMPOTENCY_KEY.to_owned(), idempotency_key.to_owned()));
    }
    if !has(&headers, "user-agent") {
        headers.push(("user-agent".to_owned(), "Atelier-Workflow/1".to_owned()));
    }
    Ok(OutboundRequest { method: config.method.as_str().to_owned(), url: url_of(config)?, headers, body })
}

fn url_of(config: &HttpRequest) -> Result<String, NodeFailure> {
    let url = Url::parse(config.url.trim());
    let mut url =
        url.map_err(|_| NodeFailure::at("/url", "must be an address such as https://example.com"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(NodeFailure::at("/url", "must begin with http:// or https://"));
    }
    if !config.query.is_empty() {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in &config.query {
            for value in scalars(value, &format!("/query/{name}"))? {
                pairs.append_pair(name, &value);
            }
        }
    }
    if url.query() == Some("") {
        url.set_query(None);
    }
    Ok(url.into())
}

fn headers_of(config: &HttpRequest) -> Result<Vec<(String, String)>, NodeFailure> {
    let mut headers = Vec::new();
    for (name, value) in &config.headers {
        let pointer = format!("/headers/{name}");
        if value.is_array() {
            return Err(NodeFailure::at(pointer, "must be one value"));
        }
        for value in scalars(value, &pointer)? {
            if value.chars().any(|char| char.is_control() && char != '\t') {
                return Err(NodeFailure::at(pointer, "must not hold control characters"));
            }
            headers.push((name.to_ascii_lowercase(), value));
        }
    }
    Ok(headers)
}

/// The texts of a value: none for null, several for a list. The value itself is in no error, as
/// it may hold a secret.
fn scalars(value: &Value, pointer: &str) -> Result<Vec<String>, NodeFailure> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    let present = items.iter().filter(|item| !item.is_null());
    let text = |item: &Value| match item {
        Value::Array(_) | Value::Object(_) => {
            Err(NodeFailure::at(pointer, format!("must be a text, not {}", type_name(item))))
        }
        scalar => Ok(text_of(scalar)),
    };
    present.map(text).collect()
}

/// The body, and its content type.
fn body_of(body: &Value, format: BodyFormat) -> Result<(Bytes, Option<&'static str>), NodeFailure> {
    let (text, content_type) = match (format, body) {
        (BodyFormat::Json, body) => (body.to_string(), "application/json"),
        (BodyFormat::Text, Value::String(text)) => (text.clone(), "text/plain; charset=utf-8"),
        (BodyFormat::Form, Value::Object(fields)) => {
            let mut form = Serializer::new(String::new());
            for (name, value) in fields {
                for value in scalars(value, &format!("/body/{name}"))? {
                    form.append_pair(name, &value);
                }
            }
            (form.finish(), "application/x-www-form-urlencoded")
        }
        (BodyFormat::Text, other) => {
            return Err(NodeFailure::at("/body", format!("must be a text, not {}", type_name(other))));
        }
        (BodyFormat::Form, other) => {
            return Err(NodeFailure::at("/body", format!("must be an object, not {}", type_name(other))));
        }
    };
    if text.len() > MAX_BODY_BYTES {
        return Err(NodeFailure::at("/body", format!("has more than {MAX_BODY_BYTES} bytes")));
    }
    Ok((Bytes::from(text), Some(content_type)))
}
