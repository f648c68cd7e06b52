//! Says what the caller of a webhook is answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, any, both, integer, object, or_expression, text},
    param::Param,
};
use crate::{
    expression::type_name,
    graph::{ConfigFault, MAIN, Shape, WEBHOOK_RESPONSE, node_type::Config},
    integrations::header,
};

/// Most bytes of an answer as JSON: 256 KiB.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Most headers of an answer.
const MAX_HEADERS: usize = 50;
/// Most characters of the value of a header.
const MAX_HEADER_VALUE: usize = 2_000;
/// Headers that an answer may have beside those that begin with `x-`.
const ALLOWED: [&str; 10] = [
    "allow",
    "cache-control",
    "content-disposition",
    "content-language",
    "etag",
    "expires",
    "last-modified",
    "link",
    "location",
    "retry-after",
];
/// Headers that begin with `x-` and tell browsers or proxies how to treat this server.
const REFUSED: [&str; 6] = [
    "x-accel-redirect",
    "x-content-type-options",
    "x-frame-options",
    "x-request-id",
    "x-sendfile",
    "x-xss-protection",
];

/// What a `webhook_response` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookResponse {
    /// The status.
    #[serde(default)]
    pub status: Option<Param<u64>>,
    /// The headers. Their values may hold expressions; null gives nothing.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// The body. It may hold expressions. A text is sent as it is, anything else as JSON.
    #[serde(default)]
    pub body: Value,
    /// The type of the body; what follows from the body where it is absent.
    #[serde(default)]
    pub content_type: Option<String>,
}

/// What the caller of a webhook is answered, as the node gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, without that of the type.
    pub headers: BTreeMap<String, String>,
    /// The type of the body.
    pub content_type: Option<String>,
    /// The body. A text is sent as it is, anything else as JSON, null as nothing.
    pub body: Value,
}

impl Config for WebhookResponse {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        if let Some(status) = self.status.as_ref().and_then(Param::constant) {
            check_status(*status)?;
        }
        if self.headers.len() > MAX_HEADERS {
            return Err(ConfigFault::at("/headers", format!("at most {MAX_HEADERS} headers are allowed")));
        }
        for name in self.headers.keys() {
            check_header(name)?;
        }
        Ok(Shape::work([MAIN]))
    }
}

fn check_status(status: u64) -> Result<u16, ConfigFault> {
    let fault = || ConfigFault::at("/status", "must be between 200 and 599");
    let status = u16::try_from(status).map_err(|_| fault())?;
    if (200..=599).contains(&status) { Ok(status) } else { Err(fault()) }
}

fn check_header(name: &str) -> Result<(), ConfigFault> {
    let lower = name.to_ascii_lowercase();
    let is_allowed =
        ALLOWED.contains(&lower.as_str()) || lower.starts_with("x-") && !REFUSED.contains(&lower.as_str());
    let problem = match header::check_name(name) {
        Err(problem) => problem,
        Ok(()) if is_allowed => return Ok(()),
        Ok(()) if lower == "content-type" => "is set by content_type".to_owned(),
        Ok(()) => "may not be set".to_owned(),
    };
    let pointer = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
    Err(ConfigFault::at(pointer, problem))
}

impl Compute for WebhookResponse {
    fn compute(self, _work: Work) -> Result<NodeOutput, NodeFailure> {
        let status = self.status.map_or(Ok(200), |status| status.value("/status"))?;
        let status = check_status(status).map_err(|fault| NodeFailure::of_config(&fault))?;
        let mut headers = BTreeMap::new();
        for (name, value) in self.headers {
            let pointer = format!("/headers/{name}");
            let Some(value) = header_value(&value, &pointer)? else { continue };
            headers.insert(name.to_ascii_lowercase(), value);
        }
        let content_type = match self.content_type {
            Some(kind) => header_value(&Value::String(kind), "/content_type")?,
            None => content_type_of(&self.body).map(str::to_owned),
        };
        let answer = json!(Answer { status, headers, content_type, body: self.body });
        let bytes = answer.to_string().len();
        if bytes > MAX_ANSWER_BYTES {
            let message = format!("The answer has {bytes} bytes; at most {MAX_ANSWER_BYTES} are allowed.");
            return Err(NodeFailure::permanent("ANSWER_TOO_LARGE", message));
        }
        Ok(NodeOutput::Value(answer))
    }
}

const fn content_type_of(body: &Value) -> Option<&'static str> {
    match body {
        Value::Null => None,
        Value::String(_) => Some("text/plain; charset=utf-8"),
        _ => Some("application/json"),
    }
}

/// The text of a header. Nothing for null.
fn header_value(value: &Value, pointer: &str) -> Result<Option<String>, NodeFailure> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        other => {
            let message = format!("must be a text, not {}", type_name(other));
            return Err(NodeFailure::at(pointer, message));
        }
    };
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if text.len() > MAX_HEADER_VALUE || !is_plain {
        let message = format!("must have at most {MAX_HEADER_VALUE} visible ASCII characters");
        return Err(NodeFailure::at(pointer, message));
    }
    Ok(Some(text))
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<WebhookResponse>(WEBHOOK_RESPONSE, describe);

fn describe() -> Description {
    let map = json!({"type": "object"});
    let kind = both("Type of the body", "Type du corps");
    let fields = vec![
        Field::optional(
            "status",
            both("Status", "Statut"),
            Widget::Expression,
            or_expression(integer(200, 599)),
        ),
        Field::optional("headers", both("Headers", "En-têtes"), Widget::Keyvalue, map.clone()),
        Field::optional("body", both("Body", "Corps"), Widget::Json, any()),
        Field::optional("content_type", kind, Widget::Text, text()),
    ];
    let output = json!({
        "status": integer(200, 599), "headers": map,
        "content_type": {"anyOf": [text(), {"type": "null"}]}, "body": any(),
    });
    Description::new(
        Category::Action,
        both("Answer a webhook", "Répondre à un webhook"),
        both(
            "Says what the caller of the webhook that started the run is answered. The first answer of a run counts.",
            "Dit ce que reçoit l'appelant du webhook qui a démarré l'exécution. La première réponse compte.",
        ),
        "M20 17v-3a4 4 0 0 0-4-4H5M9 6l-4 4l4 4",
    )
    .with_config(
        fields,
        json!({
            "status": 201, "headers": {"x-order": "{{ input.body.id }}"},
            "body": {"ok": true}, "content_type": "application/json",
        }),
    )
    .giving(
        object(output, &["status", "headers", "content_type", "body"]),
        json!({"status": 201, "headers": {"x-order": "7"}, "content_type": "application/json", "body": {"ok": true}}),
    )
}
