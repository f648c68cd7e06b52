//! Anthropic's Messages API.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::draft::{Draft, End, number};
use super::native::{Assembly, Call, Native, turns};
use super::{
    ChatModel, Completion, Effort, GenerationRequest, LlmError, Role, StreamSink, Usage,
    server::ServerOptions, timers::Stage,
};

/// The version of the protocol.
const VERSION: &str = "2023-06-01";
/// How long the connection is read after the stop reason: `message_stop` follows at once.
const LINGER: Duration = Duration::from_secs(10);

/// A model server with Anthropic's protocol.
#[derive(Debug)]
pub struct Claude {
    native: Native,
    url: String,
    headers: HeaderMap,
}

impl Claude {
    /// Prepares the client without a connection. The base URL may end with `/v1`.
    ///
    /// # Errors
    /// [`LlmError::BadRequest`] if the base URL or the key is invalid.
    pub fn new(options: ServerOptions) -> Result<Self, LlmError> {
        let root = options.root()?;
        let url = format!("{}/v1/messages", root.strip_suffix("/v1").unwrap_or(&root));
        let mut headers = HeaderMap::new();
        headers.insert("anthropic-version", HeaderValue::from_static(VERSION));
        if let Some(key) = options.key_header("")? {
            headers.insert("x-api-key", key);
        }
        Ok(Self { native: Native::new(options, LINGER)?, url, headers })
    }

    fn body(&self, request: &GenerationRequest) -> Value {
        let (instructions, turns) = turns(&request.messages);
        let messages: Vec<_> = turns
            .iter()
            .map(|turn| {
                let role = if turn.role == Role::Assistant { "assistant" } else { "user" };
                json!({"role": role, "content": turn.content})
            })
            .collect();
        let mut body = json!({
            "model": self.model(request.effort),
            "max_tokens": self.native.options.max_output_tokens,
            "messages": messages,
            "stream": true,
        });
        if !instructions.is_empty() {
            body["system"] = instructions.into();
        }
        body
    }
}

#[async_trait]
impl ChatModel for Claude {
    fn provider(&self) -> &str {
        &self.native.options.name
    }

    fn model(&self, effort: Effort) -> &str {
        self.native.options.model(effort)
    }

    fn context_tokens(&self) -> Option<u64> {
        self.native.options.context_tokens
    }

    async fn generate(
        &self,
        request: &GenerationRequest,
        sink: StreamSink<'_>,
    ) -> Result<Completion, LlmError> {
        let assembly = ClaudeAssembly::new(self.provider(), self.model(request.effort));
        let call = Call { url: self.url.clone(), headers: self.headers.clone(), body: self.body(request) };
        self.native.complete(call, assembly, sink).await
    }
}

/// Assembles the events of a message.
struct ClaudeAssembly {
    draft: Draft,
    is_over: bool,
}

impl ClaudeAssembly {
    fn new(provider: &str, model: &str) -> Self {
        Self { draft: Draft::new(provider, model), is_over: false }
    }

    /// Numbers of later events replace those of earlier ones: they are totals.
    fn count(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage.filter(|usage| usage.is_object()) else { return };
        let of = |key: &str| number(usage.get(key)).filter(|count| *count > 0);
        let mut counted = self.draft.usage.unwrap_or_default();
        let cached = of("cache_read_input_tokens");
        if let Some(input) = of("input_tokens").or_else(|| cached.map(|_| 0)) {
            let created = of("cache_creation_input_tokens").unwrap_or_default();
            counted.input_tokens = input + created + cached.unwrap_or_default();
            counted.cached_tokens = cached.unwrap_or_default();
        }
        counted.output_tokens = of("output_tokens").unwrap_or(counted.output_tokens);
        self.draft.usage = Some(counted);
    }

    fn stop(&mut self, event: &Value) {
        let Some(reason) = event.get("stop_reason").and_then(Value::as_str) else { return };
        let category = event.pointer("/stop_details/category").and_then(Value::as_str);
        self.draft.end = Some(match reason {
            "end_turn" | "stop_sequence" => End::Whole,
            "max_tokens" | "model_context_window_exceeded" => End::Truncated,
            "refusal" => End::Filtered(category.unwrap_or("refusal").to_owned()),
            "tool_use" | "pause_turn" => End::Misbehaved(reason.to_owned()),
            other => End::Other(other.to_owned()),
        });
    }

    /// The text of a block or of a change of a block.
    fn text_of(&mut self, block: Option<&Value>) -> String {
        let kind = block.and_then(|block| block.get("type")?.as_str()).unwrap_or_default();
        self.draft.has_thoughts |= kind.starts_with("thinking");
        let text = block.filter(|_| matches!(kind, "text" | "text_delta"));
        text.and_then(|block| block.get("text")?.as_str()).unwrap_or_default().to_owned()
    }

    /// A whole message, from a server that does not stream.
    fn whole(&mut self, message: &Value) -> String {
        self.draft.name_model(message.get("model"));
        self.count(message.get("usage"));
        self.stop(message);
        self.is_over = true;
        let blocks = message.get("content").and_then(Value::as_array);
        blocks.into_iter().flatten().map(|block| self.text_of(Some(block))).collect()
    }
}

impl Assembly for ClaudeAssembly {
    fn stage(&self) -> Stage {
        self.draft.stage()
    }

    fn is_over(&self) -> bool {
        self.is_over || self.draft.is_full()
    }

    fn usage(&self) -> Option<Usage> {
        self.draft.usage
    }

    fn take(&mut self, event: &Value) -> String {
        let text = match event.get("type").and_then(Value::as_str).unwrap_or_default() {
            "message_start" => {
                let message = event.get("message");
                self.draft.name_model(message.and_then(|message| message.get("model")));
                self.count(message.and_then(|message| message.get("usage")));
                String::new()
            }
            "content_block_start" => self.text_of(event.get("content_block")),
            "content_block_delta" => self.text_of(event.get("delta")),
            "message_delta" => {
                self.count(event.get("usage"));
                self.stop(event.get("delta").unwrap_or(&Value::Null));
                String::new()
            }
            "message_stop" => {
                self.is_over = true;
                String::new()
            }
            "message" => self.whole(event),
            _ => String::new(),
        };
        self.draft.text.push_str(&text);
        text
    }

    fn finish(self) -> Result<Completion, LlmError> {
        self.draft.finish(self.is_over)
    }
}

#[cfg(test)]
mod tests;
