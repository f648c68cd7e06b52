//! Asks a language model.

use std::time::Duration;

use async_trait::async_trait;
use atelier_entities::{IntegrationId, Timestamp};
use atelier_foundation::validation::line;
use atelier_providers::llm::{AppKind, Effort, GenerationRequest, LlmError, Message, Role};
use atelier_queue::JobError;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::{
    call::{AttemptError, Call, NodeFailure, NodeOutput},
    credential,
    definition::{Act, Definition},
    description::{Category, Description, Effects, Field, Widget, any, boolean, both, object, text},
    model_server,
};
use crate::graph::{ConfigFault, MAIN, Shape, node_type::Config};

/// Most characters of the prompt and of the instructions together: about 25,000 tokens.
const MAX_PROMPT_CHARS: usize = 100_000;
/// Most characters of the name of a model.
const MAX_MODEL_CHARS: usize = 200;
/// The provider that writes applications without a language model, and nothing else.
const SCAFFOLD: &str = "scaffold";
/// Shortest and longest wait for an open circuit.
const CIRCUIT_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(600));

/// What an `llm_prompt` node is told. The platform's small model answers; the answer costs no
/// credits, and the slots of the queue limit how many are asked at once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LlmPrompt {
    /// What it is asked.
    pub prompt: String,
    /// How it is to answer.
    #[serde(default)]
    pub system: Option<String>,
    /// The integration whose server answers; the platform's model where it is absent.
    #[serde(default)]
    pub integration: Option<IntegrationId>,
    /// The model of that server.
    #[serde(default)]
    pub model: Option<String>,
}

impl Config for LlmPrompt {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        match (self.integration, &self.model) {
            (Some(_), None) => {
                Err(ConfigFault::at("/model", "must name a model of the integration's server"))
            }
            (None, Some(_)) => {
                Err(ConfigFault::at("/model", "is chosen by the platform without an integration"))
            }
            _ => Ok(Shape::work([MAIN])),
        }
    }
}

#[async_trait]
impl Act for LlmPrompt {
    async fn act(self, call: &Call<'_>) -> Result<NodeOutput, AttemptError> {
        if let Some((integration, model)) = self.integration.zip(self.model.clone()) {
            let model =
                line(&model, 1, MAX_MODEL_CHARS).map_err(|problem| NodeFailure::at("/model", problem))?;
            let request = self.request()?;
            let messages: Vec<_> =
                request.messages.iter().map(|message| (message.role, message.content.as_str())).collect();
            let output = model_server::ask(call, integration, &model, &messages).await?;
            return Ok(NodeOutput::Value(output));
        }
        let model = &call.services.model;
        if model.provider() == SCAFFOLD {
            let message = "This installation has no language model.";
            return Err(NodeFailure::permanent("LLM_MISSING", message).into());
        }
        let request = self.request()?;
        let answer = model.generate(&request, &|_| {}).await;
        let answer = answer.map_err(|error| error_of(error, call.services.queue.now()))?;
        let usage = answer
            .usage
            .map(|usage| json!({"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}));
        Ok(NodeOutput::Value(json!({
            "text": answer.text,
            "model": answer.model,
            "truncated": answer.truncated,
            "usage": usage,
        })))
    }
}

impl LlmPrompt {
    fn request(self) -> Result<GenerationRequest, NodeFailure> {
        let system = self.system.unwrap_or_default();
        let length = self.prompt.chars().count() + system.chars().count();
        if length > MAX_PROMPT_CHARS {
            let message = format!("has {length} characters; at most {MAX_PROMPT_CHARS} are allowed");
            return Err(NodeFailure::at("/prompt", message));
        }
        if self.prompt.trim().is_empty() {
            return Err(NodeFailure::at("/prompt", "must not be empty"));
        }
        let mut messages = Vec::new();
        if !system.trim().is_empty() {
            messages.push(Message { role: Role::System, content: system });
        }
        messages.push(Message { role: Role::User, content: self.prompt });
        Ok(GenerationRequest {
            title: String::new(),
            kind: AppKind::WebApp,
            description: String::new(),
            effort: Effort::Quick,
            messages,
            previous_files: Vec::new(),
        })
    }
}

fn error_of(error: LlmError, now: Timestamp) -> AttemptError {
    let (code, message) = match &error {
        LlmError::CircuitOpen { provider, until } => return circuit_open(provider, *until, now).into(),
        LlmError::Transient { .. } => ("LLM_UNAVAILABLE", "The model server failed."),
        LlmError::RateLimited { .. } => ("LLM_RATE_LIMITED", "The model server asked to slow down."),
        LlmError::Quota { .. } => ("LLM_QUOTA", "The platform's account at the model server is exhausted."),
        LlmError::Auth { .. } => ("LLM_AUTH", "The model server refused the platform's key."),
        LlmError::BadRequest { .. } => ("LLM_BAD_REQUEST", "The model server refused the request."),
        LlmError::ContentFilter { .. } => ("LLM_CONTENT_FILTER", "The content filter stopped the answer."),
        LlmError::ContextTooLong { .. } => ("LLM_CONTEXT_TOO_LONG", "The prompt is too long for the model."),
        LlmError::Timeout { .. } => ("LLM_TIMEOUT", "The model server took too long."),
        LlmError::Unusable { .. } => ("LLM_UNUSABLE", "The model completed nothing that can be used."),
        LlmError::NotUnderstood { .. } => {
            ("DESCRIPTION_NOT_UNDERSTOOD", "The prompt names nothing that the model can write.")
        }
        LlmError::OverBudget { .. } => ("LLM_OVER_BUDGET", "The answer would exceed its budget."),
    };
    tracing::warn!(code, %error, "the model gave no answer");
    let retryable = Some(error.is_retryable());
    NodeFailure { retryable, retry_after: error.retry_after(), ..NodeFailure::new(code, message) }.into()
}

/// No request was sent: the job waits until the open circuit may be tried again.
fn circuit_open(provider: &str, until: DateTime<Utc>, now: Timestamp) -> JobError {
    let wait = (until - now).to_std().unwrap_or_default().clamp(CIRCUIT_WAIT.0, CIRCUIT_WAIT.1);
    let message = format!("no model server may be asked now: {provider} rests");
    JobError::wait("CIRCUIT_OPEN", message, wait).with_details(json!({"provider": provider, "until": until}))
}

/// The type.
pub const DEFINITION: Definition = Definition::of_act::<LlmPrompt>("llm_prompt", describe);

fn describe() -> Description {
    let fields = vec![
        Field::required("prompt", both("Prompt", "Consigne"), Widget::Textarea, text()),
        Field::optional(
            "system",
            both("How it answers", "Comment il répond"),
            Widget::Textarea,
            json!({"type": ["string", "null"]}),
        ),
        credential::field(),
        Field::optional(
            "model",
            both("Model of the integration's server", "Modèle du serveur de l'intégration"),
            Widget::Text,
            json!({"type": ["string", "null"]}),
        ),
    ];
    let output = json!({"text": text(), "model": text(), "truncated": boolean(), "usage": any()});
    Description::new(
        Category::Action,
        both("Language model", "Modèle de langage"),
        both(
            "Asks the platform's small language model, or a model server of your own by an integration, and gives its \
             answer. It costs no credits.",
            "Interroge le petit modèle de langage de la plateforme, ou votre propre serveur de modèles par une \
             intégration, et donne sa réponse. Cela ne coûte aucun crédit.",
        ),
        "M4 5h16v11h-9l-4 4v-4h-3zM8 9h8M8 12h5",
    )
    .with_config(fields, json!({"system": "Answer in one sentence.", "prompt": "Sum up: {{ input.text }}"}))
    .with_effects(Effects::None)
    .giving(
        object(output, &["text", "model", "truncated", "usage"]),
        json!({"text": "A list of chores.", "model": "small", "truncated": false,
            "usage": {"input_tokens": 120, "output_tokens": 9}}),
    )
}

#[cfg(test)]
mod tests;
