//! Any server with OpenAI's streamed chat completions.

use std::time::Duration;

use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestMessage, ChatCompletionRequestSystemMessage,
    ChatCompletionRequestUserMessage, ChatCompletionStreamOptions, CreateChatCompletionRequest,
};
use async_trait::async_trait;
use futures::{Stream, StreamExt};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{
    ChatModel, Completion, Effort, GenerationRequest, LlmError, Message, Role, StreamEvent, StreamSink,
};
use crate::http::trusted_client;

mod faults;
mod transport;
mod wire;

use wire::{Chunk, Collector};

/// The server, the models and the time limits.
#[derive(Debug, Clone)]
pub struct OpenAiOptions {
    /// Name of the provider in circuits, metrics and versions.
    pub name: String,
    /// Root of the API, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// Bearer token; empty sends none.
    pub api_key: SecretString,
    /// Model for quick generations.
    pub quick_model: String,
    /// Model for advanced generations.
    pub advanced_model: String,
    /// Most tokens of one completion.
    pub max_output_tokens: u32,
    /// Time limit for the connection, including TLS.
    pub connect_timeout: Duration,
    /// Time limit for a whole completion, and for its first chunk, since models may reason
    /// for a long time before they write.
    pub timeout: Duration,
    /// Time limit between two chunks.
    pub idle_timeout: Duration,
}

/// A model server with OpenAI's protocol.
pub struct OpenAi {
    client: async_openai::Client<Endpoint>,
    options: OpenAiOptions,
}

impl OpenAi {
    /// Prepares the client without a connection. Fails with [`LlmError::BadRequest`] if the
    /// base URL or the key is invalid.
    pub fn new(options: OpenAiOptions) -> Result<Self, LlmError> {
        let endpoint = Endpoint::new(&options)?;
        let http = trusted_client(options.connect_timeout)
            .map_err(|error| LlmError::BadRequest { message: error.to_string() })?;
        let service = transport::service(http.clone(), options.api_key.clone());
        let client = async_openai::Client::build(http, endpoint).with_http_service(service);
        Ok(Self { client, options })
    }

    fn body(&self, request: &GenerationRequest) -> CreateChatCompletionRequest {
        CreateChatCompletionRequest {
            model: self.model(request.effort).to_owned(),
            messages: request.messages.iter().map(to_wire).collect(),
            max_completion_tokens: Some(self.options.max_output_tokens),
            stream: Some(true),
            stream_options: Some(ChatCompletionStreamOptions {
                include_usage: Some(true),
                include_obfuscation: None,
            }),
            ..CreateChatCompletionRequest::default()
        }
    }

    async fn stream(
        &self,
        request: &GenerationRequest,
        sink: StreamSink<'_>,
    ) -> Result<Completion, LlmError> {
        let body = self.body(request);
        let mut chunks = self
            .client
            .chat()
            .create_stream_byot::<_, Value>(&body)
            .await
            .map_err(|error| self.fault(error))?;
        let mut collector = Collector::new(self.provider(), self.model(request.effort));
        while let Some(chunk) = self.next_chunk(&mut chunks, collector.has_begun()).await? {
            if let Some(error) = chunk.error {
                return Err(faults::classify_streamed(&error, self.options.api_key.expose_secret()));
            }
            if let Some(text) = collector.take(chunk) {
                sink(StreamEvent::Delta { text });
            }
            if collector.is_full() {
                break;
            }
        }
        collector.finish()
    }

    async fn next_chunk<S>(&self, chunks: &mut S, has_begun: bool) -> Result<Option<Chunk>, LlmError>
    where
        S: Stream<Item = Result<Value, OpenAIError>> + Unpin,
    {
        let limit = if has_begun { self.options.idle_timeout } else { self.options.timeout };
        let next = tokio::time::timeout(limit, chunks.next())
            .await
            .map_err(|_| LlmError::Timeout { message: format!("no data for {} s", limit.as_secs_f32()) })?;
        let Some(value) = next.transpose().map_err(|error| self.fault(error))? else {
            return Ok(None);
        };
        let chunk = serde_json::from_value(value).map_err(|_| LlmError::Transient {
            message: "a chunk of the completion does not match the protocol".into(),
        })?;
        Ok(Some(chunk))
    }

    fn fault(&self, error: OpenAIError) -> LlmError {
        match error {
            OpenAIError::Boxed(error) => match error.downcast::<LlmError>() {
                Ok(known) => *known,
                Err(_) => LlmError::Transient { message: "the request failed".into() },
            },
            OpenAIError::StreamError(_) => {
                LlmError::Transient { message: "the connection broke during the completion".into() }
            }
            OpenAIError::JSONDeserialize(..) => {
                LlmError::Transient { message: "a chunk of the completion is not JSON".into() }
            }
            OpenAIError::InvalidArgument(_) => {
                LlmError::BadRequest { message: "the request cannot be written".into() }
            }
            _ => LlmError::Transient { message: "the request failed".into() },
        }
    }
}

#[async_trait]
impl ChatModel for OpenAi {
    fn provider(&self) -> &str {
        &self.options.name
    }

    fn model(&self, effort: Effort) -> &str {
        match effort {
            Effort::Quick => &self.options.quick_model,
            Effort::Advanced => &self.options.advanced_model,
        }
    }

    async fn generate(
        &self,
        request: &GenerationRequest,
        sink: StreamSink<'_>,
    ) -> Result<Completion, LlmError> {
        let limit = self.options.timeout;
        tokio::time::timeout(limit, self.stream(request, sink)).await.unwrap_or_else(|_| {
            Err(LlmError::Timeout {
                message: format!("no complete response within {} s", limit.as_secs_f32()),
            })
        })
    }
}

fn to_wire(message: &Message) -> ChatCompletionRequestMessage {
    let content = message.content.clone();
    match message.role {
        Role::System => ChatCompletionRequestSystemMessage::from(content).into(),
        Role::User => ChatCompletionRequestUserMessage::from(content).into(),
        Role::Assistant => ChatCompletionRequestAssistantMessage::from(content).into(),
    }
}

/// The configuration of the server. Unlike the library's own, it does not read the
/// environment.
#[derive(Debug, Clone)]
struct Endpoint {
    base_url: String,
    headers: HeaderMap,
    api_key: SecretString,
}

impl Endpoint {
    fn new(options: &OpenAiOptions) -> Result<Self, LlmError> {
        let base_url = options.base_url.trim_end_matches('/').to_owned();
        let is_http = url::Url::parse(&base_url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_http {
            return Err(LlmError::BadRequest { message: "the base URL is not an http(s) URL".into() });
        }
        let mut headers = HeaderMap::new();
        let key = options.api_key.expose_secret();
        if !key.is_empty() {
            let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| {
                LlmError::BadRequest { message: "the key holds characters that no header may have".into() }
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self { base_url, headers, api_key: options.api_key.clone() })
    }
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base_url
    }

    fn api_key(&self) -> &SecretString {
        &self.api_key
    }
}

#[cfg(test)]
mod tests;
