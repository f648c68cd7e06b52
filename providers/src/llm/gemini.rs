//! Google's Gemini API, `streamGenerateContent`.

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::draft::{Draft, End, number};
use super::native::{Assembly, Call, Native, turns};
use super::{
    ChatModel, Completion, Effort, GenerationRequest, LlmError, Role, StreamSink, Usage,
    server::ServerOptions, timers::Stage,
};

/// A model server with Google's protocol.
#[derive(Debug)]
pub struct Gemini {
    native: Native,
    root: String,
    headers: HeaderMap,
}

impl Gemini {
    /// Prepares the client without a connection. The base URL may end with the version of the
    /// API, such as `/v1beta`.
    ///
    /// # Errors
    /// [`LlmError::BadRequest`] if the base URL or the key is invalid.
    pub fn new(options: ServerOptions) -> Result<Self, LlmError> {
        let mut root = options.root()?;
        if !root.ends_with("/v1beta") && !root.ends_with("/v1") {
            root.push_str("/v1beta");
        }
        let mut headers = HeaderMap::new();
        if let Some(key) = options.key_header("")? {
            headers.insert("x-goog-api-key", key);
        }
        // The stream has no mark at its end: only silence shows that a connection lingers.
        let linger = options.idle_timeout;
        Ok(Self { native: Native::new(options, linger)?, root, headers })
    }

    fn body(&self, request: &GenerationRequest) -> Value {
        let (instructions, turns) = turns(&request.messages);
        let contents: Vec<_> = turns
            .iter()
            .map(|turn| {
                let role = if turn.role == Role::Assistant { "model" } else { "user" };
                json!({"role": role, "parts": [{"text": turn.content}]})
            })
            .collect();
        let mut body = json!({
            "contents": contents,
            "generationConfig": {"maxOutputTokens": self.native.options.max_output_tokens},
        });
        if !instructions.is_empty() {
            body["systemInstruction"] = json!({"parts": [{"text": instructions}]});
        }
        body
    }
}

#[async_trait]
impl ChatModel for Gemini {
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
        let model = self.model(request.effort);
        let assembly = GeminiAssembly::new(self.provider(), model);
        let url = format!("{}/models/{model}:streamGenerateContent?alt=sse", self.root);
        let call = Call { url, headers: self.headers.clone(), body: self.body(request) };
        self.native.complete(call, assembly, sink).await
    }
}

/// Assembles the responses of a stream: each is a whole response with the next parts.
struct GeminiAssembly {
    draft: Draft,
    /// Whether the last response had a finish reason. Some versions send one with each.
    is_last_final: bool,
}

impl GeminiAssembly {
    fn new(provider: &str, model: &str) -> Self {
        Self { draft: Draft::new(provider, model), is_last_final: false }
    }

    fn count(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage.filter(|usage| usage.is_object()) else { return };
        let of = |key: &str| number(usage.get(key)).unwrap_or_default();
        let before = self.draft.usage.unwrap_or_default();
        let thoughts = of("thoughtsTokenCount");
        let counted = Usage {
            input_tokens: of("promptTokenCount") + of("toolUsePromptTokenCount"),
            output_tokens: of("candidatesTokenCount") + thoughts,
            cached_tokens: of("cachedContentTokenCount"),
            thought_tokens: thoughts,
        };
        let total = of("totalTokenCount");
        if total > 0 && total != counted.input_tokens + counted.output_tokens {
            tracing::debug!(total, ?counted, "the provider counts other tokens too");
        }
        self.draft.usage =
            Some(Usage { input_tokens: counted.input_tokens.max(before.input_tokens), ..counted });
    }

    fn stop(&mut self, reason: &str) {
        self.draft.end = Some(match reason {
            "STOP" => End::Whole,
            "MAX_TOKENS" => End::Truncated,
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE"
            | "IMAGE_SAFETY" => End::Filtered(reason.to_owned()),
            "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" | "OTHER" => {
                End::Misbehaved(reason.to_owned())
            }
            other => End::Other(other.to_owned()),
        });
    }

    fn text_of(&mut self, part: &Value) -> String {
        let is_thought = part.get("thought").and_then(Value::as_bool) == Some(true);
        self.draft.has_thoughts |= is_thought;
        let text = part.get("text").and_then(Value::as_str).filter(|_| !is_thought);
        text.unwrap_or_default().to_owned()
    }
}

impl Assembly for GeminiAssembly {
    fn stage(&self) -> Stage {
        match self.draft.stage() {
            Stage::Ended if !self.is_last_final => Stage::Writing,
            stage => stage,
        }
    }

    fn is_over(&self) -> bool {
        self.draft.is_full()
    }

    fn usage(&self) -> Option<Usage> {
        self.draft.usage
    }

    fn take(&mut self, event: &Value) -> String {
        self.draft.name_model(event.get("modelVersion"));
        self.count(event.get("usageMetadata"));
        let blocked = event.pointer("/promptFeedback/blockReason").and_then(Value::as_str);
        if let Some(reason) = blocked.filter(|_| self.draft.text.is_empty()) {
            self.draft.end = Some(End::Filtered(reason.to_owned()));
            self.is_last_final = true;
            return String::new();
        }
        let candidate = event.pointer("/candidates/0").unwrap_or(&Value::Null);
        let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
        let text: String = parts.into_iter().flatten().map(|part| self.text_of(part)).collect();
        self.draft.text.push_str(&text);
        let reason = candidate.get("finishReason").and_then(Value::as_str);
        let reason = reason.filter(|reason| !reason.is_empty() && *reason != "FINISH_REASON_UNSPECIFIED");
        self.is_last_final = reason.is_some() || (self.is_last_final && text.is_empty());
        if let Some(reason) = reason {
            self.stop(reason);
        }
        text
    }

    fn finish(self) -> Result<Completion, LlmError> {
        let is_over = self.draft.end.is_some() && self.is_last_final;
        self.draft.finish(is_over)
    }
}

#[cfg(test)]
mod tests;
