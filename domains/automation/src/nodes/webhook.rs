//! A trigger that calls from outside pull.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    definition::Definition,
    description::{
        Category, Description, Field, Widget, any, boolean, both, choice, integer, list_of, object, text,
    },
    http_request::Method,
};
use crate::{
    graph::{ConfigFault, Shape, WEBHOOK, node_type::Config},
    integrations::header,
};

/// Most calls of a webhook in a minute that a config may allow.
pub const MAX_RATE_PER_MINUTE: u32 = 60_000;
/// Most characters of what precedes a signature in its header.
const MAX_PREFIX: usize = 50;

/// What a `webhook` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// The methods that it takes.
    pub methods: Vec<Method>,
    /// The types of bodies that it takes.
    pub content_types: Vec<ContentType>,
    /// How calls prove who sends them.
    pub verify: Verify,
    /// What the sender is told.
    pub response: Response,
    /// What becomes of a call while no job of a workflow starts.
    pub when_paused: WhenPaused,
    /// Whether equal bodies within a day are one call.
    pub once_per_body: bool,
    /// Most calls in a minute of all webhooks of the workflow.
    pub rate_per_minute: u32,
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            methods: vec![Method::Post],
            content_types: vec![ContentType::Json, ContentType::Form, ContentType::Text],
            verify: Verify::default(),
            response: Response::default(),
            when_paused: WhenPaused::default(),
            once_per_body: false,
            rate_per_minute: 600,
        }
    }
}

/// A type of bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentType {
    /// JSON.
    Json,
    /// The fields of a form.
    Form,
    /// Text.
    Text,
    /// Any bytes.
    Binary,
}

impl ContentType {
    /// The type that a header names. Bytes where it is absent or names anything else.
    #[must_use]
    pub fn of(header: Option<&str>) -> Self {
        let essence = header.unwrap_or_default().split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        let is_of_application = essence.starts_with("application/");
        match essence.as_str() {
            "application/json" => Self::Json,
            "application/x-www-form-urlencoded" => Self::Form,
            "application/xml" => Self::Text,
            other if is_of_application && other.ends_with("+json") => Self::Json,
            other if is_of_application && other.ends_with("+xml") => Self::Text,
            other if other.starts_with("text/") => Self::Text,
            _ => Self::Binary,
        }
    }
}

/// How calls prove who sends them. The secrets are kept elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Verify {
    /// The scheme.
    pub scheme: Scheme,
    /// The header of the signature, of the generic scheme.
    pub header: Option<String>,
    /// How the signature of the generic scheme is written.
    pub encoding: Option<Encoding>,
    /// What precedes the signature of the generic scheme.
    pub prefix: Option<String>,
    /// The header of the time, if the generic scheme signs one.
    pub timestamp_header: Option<String>,
}

/// Whose way of signing it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Nothing is proven: whoever knows the address may call it.
    #[default]
    None,
    /// Standard Webhooks.
    Standard,
    /// GitHub.
    Github,
    /// Stripe.
    Stripe,
    /// Slack.
    Slack,
    /// Shopify.
    Shopify,
    /// GitLab.
    Gitlab,
    /// Telegram.
    Telegram,
    /// An HMAC with SHA-256 in a header.
    Generic,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::Standard,
        Self::Github,
        Self::Stripe,
        Self::Slack,
        Self::Shopify,
        Self::Gitlab,
        Self::Telegram,
        Self::Generic,
    ];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Standard => "standard",
            Self::Github => "github",
            Self::Stripe => "stripe",
            Self::Slack => "slack",
            Self::Shopify => "shopify",
            Self::Gitlab => "gitlab",
            Self::Telegram => "telegram",
            Self::Generic => "generic",
        }
    }
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hexadecimal digits.
    #[default]
    Hex,
    /// Base64.
    Base64,
}

/// What the sender is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// That the run was accepted.
    #[default]
    Accepted,
    /// What a node of the run says.
    Answer,
}

/// What becomes of a call while an operator has paused the jobs of workflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenPaused {
    /// Its run waits.
    #[default]
    Queue,
    /// The sender is told to call again.
    Refuse,
}

impl Config for Webhook {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        if self.methods.is_empty() {
            return Err(ConfigFault::at("/methods", "must name a method"));
        }
        if self.content_types.is_empty() {
            return Err(ConfigFault::at("/content_types", "must name a type"));
        }
        if !(1..=MAX_RATE_PER_MINUTE).contains(&self.rate_per_minute) {
            let message = format!("must be between 1 and {MAX_RATE_PER_MINUTE}");
            return Err(ConfigFault::at("/rate_per_minute", message));
        }
        self.verify.check()?;
        Ok(Shape::trigger())
    }
}

impl Verify {
    fn check(&self) -> Result<(), ConfigFault> {
        let Self { scheme, header, encoding, prefix, timestamp_header } = self;
        if *scheme != Scheme::Generic {
            let fields = [
                ("header", header.is_some()),
                ("encoding", encoding.is_some()),
                ("prefix", prefix.is_some()),
                ("timestamp_header", timestamp_header.is_some()),
            ];
            return match fields.into_iter().find(|(_, is_set)| *is_set) {
                Some((name, _)) => {
                    Err(ConfigFault::at(format!("/verify/{name}"), "belongs to the scheme generic"))
                }
                None => Ok(()),
            };
        }
        let Some(header) = header else {
            return Err(ConfigFault::at("/verify/header", "is required"));
        };
        for (name, value) in [("header", Some(header)), ("timestamp_header", timestamp_header.as_ref())] {
            if let Some(problem) = value.and_then(|value| header::check_name(value).err()) {
                return Err(ConfigFault::at(format!("/verify/{name}"), problem));
            }
        }
        if prefix.as_ref().is_some_and(|prefix| prefix.chars().count() > MAX_PREFIX) {
            return Err(ConfigFault::at(
                "/verify/prefix",
                format!("must have at most {MAX_PREFIX} characters"),
            ));
        }
        Ok(())
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_source::<Webhook>(WEBHOOK, describe);

fn fields() -> Vec<Field> {
    let methods = list_of(choice(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]), 6);
    let types = list_of(choice(&["json", "form", "text", "binary"]), 4);
    let verify = object(
        json!({
            "scheme": choice(&Scheme::ALL.map(Scheme::as_str)), "header": optional(text()),
            "encoding": optional(choice(&["hex", "base64"])), "prefix": optional(text()),
            "timestamp_header": optional(text()),
        }),
        &[],
    );
    let verification = both("Proof of the sender", "Preuve de l'expéditeur");
    let paused = both("While workflows are paused", "Pendant la pause des workflows");
    let once = both("Equal bodies are one call", "Des corps égaux sont un seul appel");
    let rate = both("Calls in a minute at most", "Appels par minute au plus");
    vec![
        Field::optional("methods", both("Methods", "Méthodes"), Widget::List, methods),
        Field::optional("content_types", both("Types of bodies", "Types de corps"), Widget::List, types),
        Field::optional("verify", verification, Widget::Json, verify),
        Field::optional(
            "response",
            both("Response", "Réponse"),
            Widget::Select,
            choice(&["accepted", "answer"]),
        ),
        Field::optional("when_paused", paused, Widget::Select, choice(&["queue", "refuse"])),
        Field::optional("once_per_body", once, Widget::Checkbox, boolean()),
        Field::optional("rate_per_minute", rate, Widget::Text, integer(1, u64::from(MAX_RATE_PER_MINUTE))),
    ]
}

/// A value of this schema, or null.
fn optional(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn describe() -> Description {
    let output = json!({
        "method": text(), "query": {"type": "object"}, "headers": {"type": "object"},
        "content_type": optional(text()), "body": any(), "received_at": text(), "id": text(),
    });
    let required = ["method", "query", "headers", "content_type", "body", "received_at", "id"];
    Description::new(
        Category::Trigger,
        both("Webhook", "Webhook"),
        both(
            "Starts a run when a service outside calls the address of this node. Its output is the call.",
            "Démarre une exécution quand un service extérieur appelle l'adresse de ce nœud. Sa sortie est l'appel.",
        ),
        "M9 8a4 4 0 1 1 5 4l3 5M7 12l-3 5a3 3 0 1 0 4 3h8M12 8l-4 7",
    )
    .with_config(
        fields(),
        json!({
            "methods": ["POST"], "content_types": ["json"], "verify": {"scheme": "github"},
            "response": "accepted", "when_paused": "queue", "once_per_body": false, "rate_per_minute": 600,
        }),
    )
    .giving(
        object(output, &required),
        json!({
            "method": "POST", "query": {"source": "shop"}, "headers": {"x-github-event": "push"},
            "content_type": "application/json", "body": {"ref": "refs/heads/main"},
            "received_at": "2026-11-30T08:00:00Z", "id": "019aa0b2-0000-7000-8000-000000000001",
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(config: Value) -> Result<Webhook, ConfigFault> {
        let config = serde_json::from_value(config).expect("an object");
        let webhook: Webhook = crate::graph::node_type::read_config(config)?;
        webhook.shape()?;
        Ok(webhook)
    }

    #[test]
    fn every_field_may_be_left_out() {
        assert_eq!(read(json!({})), Ok(Webhook::default()));
    }

    #[test]
    fn a_fault_names_its_place() {
        for (config, place) in [
            (json!({"methods": []}), "/methods"),
            (json!({"methods": ["TRACE"]}), "/methods/0"),
            (json!({"content_types": []}), "/content_types"),
            (json!({"rate_per_minute": 0}), "/rate_per_minute"),
            (json!({"verify": {"scheme": "generic"}}), "/verify/header"),
            (json!({"verify": {"scheme": "generic", "header": "a b"}}), "/verify/header"),
            (json!({"verify": {"scheme": "github", "header": "x-sig"}}), "/verify/header"),
            (json!({"verify": {"scheme": "md5"}}), "/verify/scheme"),
        ] {
            assert_eq!(read(config.clone()).expect_err("a fault").pointer, place, "{config}");
        }
    }

    #[test]
    fn the_type_of_a_body_is_that_of_its_header() {
        for (header, expected) in [
            (Some("application/json; charset=utf-8"), ContentType::Json),
            (Some("application/cloudevents+json"), ContentType::Json),
            (Some("APPLICATION/X-WWW-FORM-URLENCODED"), ContentType::Form),
            (Some("text/csv"), ContentType::Text),
            (Some("image/svg+xml"), ContentType::Binary),
            (Some("application/soap+xml"), ContentType::Text),
            (Some("multipart/form-data; boundary=a"), ContentType::Binary),
            (None, ContentType::Binary),
        ] {
            assert_eq!(ContentType::of(header), expected, "{header:?}");
        }
    }
}
