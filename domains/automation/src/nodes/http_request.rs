//! Sends a request and gives the answer.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use atelier_entities::IntegrationId;
use atelier_providers::http::{GuardedClient, HttpError, HttpOptions};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{AttemptError, Call, NodeFailure, NodeOutput},
    credential,
    definition::{Act, Definition},
    description::{
        Category, Description, Effects, Field, Widget, any, boolean, both, choice, integer, object, text,
    },
};
use crate::{
    expression::Redactor,
    graph::{ConfigFault, MAIN, Shape, node_type::Config},
};

mod request;
pub(super) mod response;

/// Most bytes of an answer.
const MAX_RESPONSE_BYTES: usize = 10 * 1024 * 1024;
/// Longest time of a request, as long as the longest timeout of a node. The timeout of the
/// attempt ends it earlier.
const MAX_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The client of requests. Its options say which addresses it may reach.
///
/// # Errors
/// If an allowed origin is malformed.
pub fn client(options: HttpOptions) -> Result<GuardedClient, HttpError> {
    let (total_timeout, max_response_bytes) = (MAX_TIME, MAX_RESPONSE_BYTES);
    GuardedClient::new(HttpOptions { total_timeout, max_response_bytes, ..options })
}

/// What an `http_request` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// The address. It may hold expressions.
    pub url: String,
    /// What is added to the address. A list gives its name several times, null gives nothing.
    #[serde(default)]
    pub query: BTreeMap<String, Value>,
    /// The headers. Null gives nothing.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// The body.
    #[serde(default)]
    pub body: Option<Value>,
    /// How the body is sent.
    #[serde(default)]
    pub body_format: BodyFormat,
    /// Whether a status of 400 and above is a failure.
    #[serde(default = "yes")]
    pub fail_on_status: bool,
    /// The integration whose credentials it carries.
    #[serde(default)]
    pub integration: Option<IntegrationId>,
}

/// The method of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    #[default]
    Get,
    /// Reads the headers alone.
    Head,
    /// Makes or does.
    Post,
    /// Replaces.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// The method as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether the request changes something.
    #[must_use]
    pub const fn changes(self) -> bool {
        !matches!(self, Self::Get | Self::Head)
    }
}

/// How a body is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    /// As JSON.
    #[default]
    Json,
    /// The fields of an object, as a form.
    Form,
    /// A text as it is.
    Text,
}

const fn yes() -> bool {
    true
}

impl Config for HttpRequest {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        request::check_headers(self.headers.keys())?;
        if self.body.is_some() && !self.method.changes() {
            return Err(ConfigFault::at("/body", format!("a {} has no body", self.method.as_str())));
        }
        Ok(Shape::work([MAIN]))
    }
}

#[async_trait]
impl Act for HttpRequest {
    async fn act(self, call: &Call<'_>) -> Result<NodeOutput, AttemptError> {
        self.shape().map_err(|fault| NodeFailure::of_config(&fault))?;
        let mut outbound = request::build(&self, &call.idempotency_key)?;
        let mut redactor = call.redactor.clone();
        let mut attached = None;
        if let Some(id) = self.integration {
            attached = Some(credential::attach(call, id, &mut outbound, &mut redactor).await?);
        }
        let answer = call.services.http.send(outbound).await;
        let answer = answer.map_err(|error| failure_of(&error, &redactor))?;
        if let Some(found) = attached.filter(|_| answer.status == 401) {
            call.services.credentials.forget_token(&found).await?;
        }
        if self.fail_on_status && answer.status >= 400 {
            let now = call.services.queue.now();
            return Err(response::status_failure(&answer, &redactor, now).into());
        }
        let read = tokio::task::spawn_blocking(move || response::read(&answer)).await;
        let output =
            read.map_err(|_| NodeFailure::new("RESPONSE_UNREADABLE", "The answer cannot be read."))?;
        Ok(NodeOutput::Value(redactor.redact_json(&output)))
    }
}

/// The failure of a request without an answer. Neither path nor query nor headers are in it.
pub(super) fn failure_of(error: &HttpError, redactor: &Redactor) -> NodeFailure {
    let code = error.code();
    let message = redactor.redact_text(&format!("The request failed: {error}."));
    if error.is_retryable() {
        NodeFailure::transient(code, message)
    } else {
        NodeFailure::permanent(code, message)
    }
}

/// The type.
pub const DEFINITION: Definition =
    Definition::of_act::<HttpRequest>("http_request", describe).sending_secrets();

fn describe() -> Description {
    let map = || json!({"type": "object"});
    let methods = choice(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
    let format = choice(&["json", "form", "text"]);
    let failing = both("Fail from status 400 on", "Échouer à partir du statut 400");
    let fields = vec![
        Field::optional("method", both("Method", "Méthode"), Widget::Select, methods),
        Field::required("url", both("Address", "Adresse"), Widget::Text, text()),
        Field::optional("query", both("Query", "Paramètres"), Widget::Keyvalue, map()),
        Field::optional("headers", both("Headers", "En-têtes"), Widget::Keyvalue, map()),
        Field::optional("body", both("Body", "Corps"), Widget::Json, any()),
        Field::optional("body_format", both("Form of the body", "Forme du corps"), Widget::Select, format),
        Field::optional("fail_on_status", failing, Widget::Checkbox, boolean()),
        credential::field(),
    ];
    let output = json!({
        "status": integer(100, 999), "headers": {"type": "object"},
        "body_type": {"enum": ["empty", "json", "text", "base64"]}, "body": any(),
    });
    Description::new(
        Category::Action,
        both("HTTP request", "Requête HTTP"),
        both(
            "Sends a request to a public address and gives its status, headers and body. Requests that change something \
             carry an Idempotency-Key that is the same for all attempts.",
            "Envoie une requête à une adresse publique et donne son statut, ses en-têtes et son corps. Les requêtes qui \
             modifient portent une Idempotency-Key identique pour toutes les tentatives.",
        ),
        "M12 3a9 9 0 1 0 .01 0M3 12h18M12 3c3 3 3 15 0 18c-3-3-3-15 0-18",
    )
    .with_config(
        fields,
        json!({"method": "POST", "url": "https://api.example.com/orders", "query": {"notify": true},
            "headers": {"x-source": "atelier"}, "body": {"id": "{{ input.id }}"}}),
    )
    .with_effects(Effects::Unsafe)
    .giving(
        object(output, &["status", "headers", "body_type", "body"]),
        json!({"status": 201, "headers": {"content-type": "application/json"}, "body_type": "json",
            "body": {"id": 7, "state": "new"}}),
    )
}

#[cfg(test)]
mod tests;
