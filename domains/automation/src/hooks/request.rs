//! What came: the parts of a request, and the input of the run that it starts.

use std::{collections::BTreeMap, fmt};

use atelier_entities::Timestamp;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::nodes::webhook::ContentType;

/// Most bytes of a body: 1 MiB.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Most headers that a run gets.
const MAX_HEADERS: usize = 64;
/// Most bytes of a header that a run gets.
const MAX_HEADER_BYTES: usize = 1_024;
/// Headers that a run gets beside those that begin with one of [`PREFIXES`].
const ALLOWED: [&str; 10] = [
    "accept",
    "accept-language",
    "content-language",
    "content-type",
    "idempotency-key",
    "from",
    "traceparent",
    "user-agent",
    "webhook-id",
    "webhook-timestamp",
];
/// What headers of services begin with: their own and those of `CloudEvents`.
const PREFIXES: [&str; 2] = ["x-", "ce-"];
/// No header with one of these in its name reaches a run: it may carry a secret.
const SECRET: [&str; 12] = [
    "api-key",
    "apikey",
    "access-key",
    "auth",
    "cookie",
    "credential",
    "csrf",
    "hmac",
    "password",
    "secret",
    "signature",
    "token",
];
/// Headers of proxies, which tell of networks.
const OF_PROXIES: [&str; 3] = ["x-forwarded-", "x-real-ip", "x-original-"];

/// A request to the address of a hook.
#[derive(Clone)]
pub struct HookRequest {
    /// The token of the address.
    pub token: String,
    /// The method.
    pub method: String,
    /// The query as it came.
    pub query: String,
    /// The headers.
    pub headers: Headers,
    /// The bytes of the body.
    pub body: Bytes,
}

impl fmt::Debug for HookRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// Headers by their names in lower case. Of several with one name the first one counts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(BTreeMap<String, String>);

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Headers {
    /// The value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        let mut found = BTreeMap::new();
        for (name, value) in headers {
            found.entry(name.as_ref().to_ascii_lowercase()).or_insert_with(|| value.into());
        }
        Self(found)
    }
}

impl HookRequest {
    /// The type of the body; none if there is no body.
    pub(super) fn content_type(&self) -> Option<ContentType> {
        (!self.body.is_empty()).then(|| ContentType::of(self.headers.get("content-type")))
    }

    /// The body as a run reads it. None if it is not what its type says.
    pub(super) fn body_value(&self) -> Option<Value> {
        let text = || String::from_utf8_lossy(&self.body).into_owned();
        Some(match self.content_type() {
            None => Value::Null,
            Some(ContentType::Json) => serde_json::from_slice(&self.body).ok()?,
            Some(ContentType::Form) => fields(&self.body),
            Some(ContentType::Text) => Value::String(text()),
            Some(ContentType::Binary) => Value::String(STANDARD.encode(&self.body)),
        })
    }

    /// What the trigger gives. `signature` is the header that carries the signature.
    pub(super) fn input(&self, body: Value, signature: Option<&str>, at: Timestamp, id: &str) -> Value {
        json!({
            "method": self.method,
            "query": fields(self.query.as_bytes()),
            "headers": self.shown_headers(signature),
            "content_type": self.headers.get("content-type"),
            "body": body,
            "received_at": at,
            "id": id,
        })
    }

    fn shown_headers(&self, signature: Option<&str>) -> Map<String, Value> {
        let is_signature = |name: &str| signature.is_some_and(|other| other.eq_ignore_ascii_case(name));
        let shown =
            self.headers.0.iter().filter(|(name, value)| {
                is_shown(name) && !is_signature(name) && value.len() <= MAX_HEADER_BYTES
            });
        shown.take(MAX_HEADERS).map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
    }
}

/// Whether a run gets the header.
fn is_shown(name: &str) -> bool {
    let is_known = ALLOWED.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    is_known
        && !SECRET.iter().any(|part| name.contains(part))
        && !OF_PROXIES.iter().any(|prefix| name.starts_with(prefix))
}

/// The fields of a form. A name that is there several times has a list.
fn fields(text: &[u8]) -> Value {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(text) {
        found.entry(name.into_owned()).or_default().push(Value::String(value.into_owned()));
    }
    let one =
        |mut values: Vec<Value>| if values.len() == 1 { values.remove(0) } else { Value::Array(values) };
    Value::Object(found.into_iter().map(|(name, values)| (name, one(values))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: &str, body: &[u8]) -> HookRequest {
        HookRequest {
            token: String::from("t"),
            method: String::from("POST"),
            query: String::from("a=1&b=2&a=3"),
            headers: [("Content-Type", kind)].into_iter().collect(),
            body: Bytes::copy_from_slice(body),
        }
    }

    #[test]
    fn a_body_is_read_by_its_type() {
        for (kind, body, expected) in [
            ("application/json", &b" {\"a\": [1]} "[..], Some(json!({"a": [1]}))),
            ("application/json", b"{", None),
            (
                "application/x-www-form-urlencoded",
                b"a=1&b=x+y&a=2",
                Some(json!({"a": ["1", "2"], "b": "x y"})),
            ),
            ("text/plain", b"caf\xc3\xa9", Some(json!("caf\u{e9}"))),
            ("image/png", &[0, 255], Some(json!("AP8="))),
            ("application/json", b"", Some(Value::Null)),
        ] {
            assert_eq!(request(kind, body).body_value(), expected, "{kind} {body:?}");
        }
    }

    #[test]
    fn a_run_gets_no_header_that_may_carry_a_secret() {
        for (name, expected) in [
            ("x-github-event", true),
            ("x-github-delivery", true),
            ("x-event-key", true),
            ("ce-type", true),
            ("user-agent", true),
            ("webhook-id", true),
            ("authorization", false),
            ("proxy-authorization", false),
            ("cookie", false),
            ("x-hub-signature-256", false),
            ("webhook-signature", false),
            ("stripe-signature", false),
            ("x-slack-signature", false),
            ("x-shopify-hmac-sha256", false),
            ("x-gitlab-token", false),
            ("x-telegram-bot-api-secret-token", false),
            ("x-api-key", false),
            ("x-forwarded-for", false),
            ("host", false),
        ] {
            assert_eq!(is_shown(name), expected, "{name}");
        }
    }

    #[test]
    fn the_input_has_the_query_and_no_header_of_the_signature() {
        let mut call = request("text/plain", b"a");
        call.headers = [("X-Proof", "abc"), ("X-Kind", "order")].into_iter().collect();
        let at = "2026-11-30T12:00:00Z".parse().expect("a time");
        let input = call.input(json!("a"), Some("x-proof"), at, "7");
        assert_eq!(input["query"], json!({"a": ["1", "3"], "b": "2"}));
        assert_eq!(input["headers"], json!({"x-kind": "order"}));
        assert_eq!((&input["id"], &input["content_type"]), (&json!("7"), &Value::Null));
    }
}
