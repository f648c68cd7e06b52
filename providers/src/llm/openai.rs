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
use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::draft::Draft;
use super::faults::classify_streamed;
use super::native::error_of;
use super::server::ServerOptions;
use super::timers::{Timers, in_total};
use super::{
    ChatModel, Completion, Effort, GenerationRequest, LlmError, Message, Role, StreamEvent, StreamSink,
};
use crate::http::trusted_client;

mod transport;
mod wire;

use wire::Collector;

/// How long the connection is read after the finish reason: the usage and `[DONE]` follow at
/// once, if the server sends them.
const LINGER: Duration = Duration::from_secs(5);

/// A model server with OpenAI's protocol.
pub struct OpenAi {
    client: async_openai::Client<Endpoint>,
    options: ServerOptions,
}

impl OpenAi {
    /// Prepares the client without a connection.
    ///
    /// # Errors
    /// [`LlmError::BadRequest`] if the base URL or the key is invalid.
    pub fn new(options: ServerOptions) -> Result<Self, LlmError> {
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
        let timers = Timers::start(&self.options, LINGER);
        let chat = self.client.chat();
        let opened =
            async { chat.create_stream_byot::<_, Value>(&body).await.map_err(|error| self.fault(error)) };
        let mut chunks = timers.first(opened).await?;
        let mut collector = Collector::new(Draft::new(self.provider(), self.model(request.effort)));
        let mut counted = None;
        while let Some(chunk) = timers.next(collector.stage(), self.next_chunk(&mut chunks)).await? {
            if let Some(error) = error_of(&chunk).or_else(|| error_of(chunk.pointer("/choices/0")?)) {
                return Err(classify_streamed(error, self.options.api_key.expose_secret()));
            }
            if let Some(request_id) = wire::request_id(&chunk) {
                sink(StreamEvent::Accepted { request_id });
            }
            if let Some(allowance) = wire::allowance(&chunk) {
                sink(StreamEvent::Allowed(allowance));
            }
            let text = collector.take(&chunk);
            if !text.is_empty() {
                sink(StreamEvent::Delta { text });
            }
            if collector.usage() != counted {
                counted = collector.usage();
                sink(StreamEvent::Counted(counted.unwrap_or_default()));
            }
            if collector.is_full() {
                break;
            }
        }
        collector.finish()
    }

    async fn next_chunk<S>(&self, chunks: &mut S) -> Result<Option<Value>, LlmError>
    where
        S: Stream<Item = Result<Value, OpenAIError>> + Unpin + Send,
    {
        chunks.next().await.transpose().map_err(|error| self.fault(error))
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
        self.options.model(effort)
    }

    fn context_tokens(&self) -> Option<u64> {
        self.options.context_tokens
    }

    async fn generate(
        &self,
        request: &GenerationRequest,
        sink: StreamSink<'_>,
    ) -> Result<Completion, LlmError> {
        in_total(&self.options, self.stream(request, sink)).await
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
    fn new(options: &ServerOptions) -> Result<Self, LlmError> {
        let base_url = options.root()?;
        let mut headers = HeaderMap::new();
        if let Some(key) = options.key_header("Bearer ")? {
            headers.insert(AUTHORIZATION, key);
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
mod forms;
#[cfg(test)]
mod tests;
