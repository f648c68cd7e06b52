//! Posts a message by an incoming webhook.

use async_trait::async_trait;
use atelier_entities::IntegrationId;
use atelier_foundation::validation::paragraph;
use atelier_providers::http::OutboundRequest;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{
    call::{AttemptError, Call, NodeFailure, NodeOutput},
    credential,
    definition::{Act, Definition},
    description::{Category, Description, Effects, Field, Widget, both, integer, object, text},
    http_request::{failure_of, response::status_failure},
};
use crate::{
    graph::node_type::Config,
    integrations::{kinds::slack_webhook, required},
};

/// Most characters of a message. Slack cuts longer ones.
const MAX_TEXT_CHARS: usize = 4_000;

/// What a `slack_message` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackMessage {
    /// The integration with the webhook.
    pub integration: IntegrationId,
    /// The message, in Slack's markup. It may hold expressions.
    pub text: String,
}

impl Config for SlackMessage {}

#[async_trait]
impl Act for SlackMessage {
    async fn act(self, call: &Call<'_>) -> Result<NodeOutput, AttemptError> {
        let text =
            paragraph(&self.text, MAX_TEXT_CHARS).map_err(|problem| NodeFailure::at("/text", problem))?;
        if text.is_empty() {
            return Err(NodeFailure::at("/text", "must not be empty").into());
        }
        let credentials = &call.services.credentials;
        let found = credentials.find(call.owner, self.integration, &[slack_webhook::KIND.name]).await?;
        let opened = credentials.open(&found).await?;
        let webhook = required(&opened, slack_webhook::WEBHOOK_URL.name)?;
        let mut redactor = call.redactor.clone();
        credential::learn(&mut redactor, std::slice::from_ref(webhook))?;
        let url = Url::parse(webhook.expose_secret());
        let url = url.map_err(|_| NodeFailure::at("/integration", "names no address of a webhook"))?;
        found.ensure_allowed(&url)?;
        let request = OutboundRequest::post_json(url, &json!({"text": text}));
        let answer = call.services.http.send_once(request).await;
        let answer = answer.map_err(|error| failure_of(&error, &redactor))?;
        if !(200..300).contains(&answer.status) {
            return Err(status_failure(&answer, &redactor, call.services.queue.now()).into());
        }
        Ok(NodeOutput::Value(json!({"status": answer.status})))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_act::<SlackMessage>("slack_message", describe);

fn describe() -> Description {
    let id = json!({"type": "string", "format": "uuid"});
    let fields = vec![
        Field::required("integration", both("Integration", "Intégration"), Widget::Integration, id),
        Field::required("text", both("Text", "Texte"), Widget::Textarea, text()),
    ];
    Description::new(
        Category::Action,
        both("Slack message", "Message Slack"),
        both(
            "Posts a message to a channel of Slack, by the incoming webhook of an integration.",
            "Publie un message dans un canal Slack, par le webhook entrant d'une intégration.",
        ),
        "M4 5h16v11h-9l-4 4v-4h-3z",
    )
    .with_config(
        fields,
        json!({"integration": "019aa0b2-0000-7000-8000-000000000004", "text": "{{ input.count }} new orders"}),
    )
    .with_effects(Effects::Unsafe)
    .giving(object(json!({"status": integer(200, 299)}), &["status"]), json!({"status": 200}))
}
