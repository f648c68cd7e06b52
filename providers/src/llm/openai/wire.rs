//! The chunks of a streamed completion. Every field is optional, since servers omit fields
//! and add their own.

use serde::Deserialize;
use serde_json::Value;

use super::super::{Completion, LlmError, Usage};

/// Largest completion; the rest is cut off.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// One chunk of the stream, or a whole completion from a server that cannot stream.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    model: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<WireUsage>,
    pub(super) error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(alias = "message")]
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Debug, Deserialize)]
struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

/// Assembles the chunks.
#[derive(Debug)]
pub(super) struct Collector {
    text: String,
    refusal: String,
    provider: String,
    model: String,
    usage: Option<Usage>,
    finish_reason: Option<String>,
}

impl Collector {
    /// `model` is the name that is used if the server sends none.
    pub(super) fn new(provider: &str, model: &str) -> Self {
        Self {
            text: String::new(),
            refusal: String::new(),
            provider: provider.to_owned(),
            model: model.to_owned(),
            usage: None,
            finish_reason: None,
        }
    }

    /// Whether any text has arrived.
    pub(super) fn has_begun(&self) -> bool {
        !self.text.is_empty()
    }

    /// Whether the completion has reached its size limit.
    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= MAX_ANSWER_BYTES
    }

    /// Adds a chunk and returns its text, if it has any.
    pub(super) fn take(&mut self, chunk: Chunk) -> Option<String> {
        if let Some(model) = chunk.model.filter(|model| !model.is_empty()) {
            self.model = model;
        }
        if let Some(WireUsage { prompt_tokens: Some(input), completion_tokens: Some(output) }) = chunk.usage {
            self.usage = Some(Usage { input_tokens: input, output_tokens: output });
        }
        let choice = chunk.choices?.into_iter().next()?;
        self.finish_reason =
            choice.finish_reason.filter(|reason| !reason.is_empty()).or(self.finish_reason.take());
        let delta = choice.delta?;
        self.refusal.push_str(delta.refusal.as_deref().unwrap_or_default());
        let text = delta.content.filter(|text| !text.is_empty())?;
        self.text.push_str(&text);
        Some(text)
    }

    /// The completion, once the stream has ended.
    pub(super) fn finish(self) -> Result<Completion, LlmError> {
        let is_cut = self.is_full();
        let truncated = match self.finish_reason.as_deref() {
            _ if is_cut => true,
            Some("content_filter") => {
                return Err(LlmError::ContentFilter { message: "the server stopped the completion".into() });
            }
            Some("length" | "max_tokens") => true,
            Some(_) => false,
            None => {
                return Err(LlmError::Transient {
                    message: "the stream ended before the completion did".into(),
                });
            }
        };
        if self.text.is_empty() && !self.refusal.is_empty() {
            return Err(LlmError::ContentFilter { message: "the model refused to answer".into() });
        }
        if self.text.trim().is_empty() && !truncated {
            return Err(LlmError::Transient { message: "the completion is empty".into() });
        }
        Ok(Completion {
            text: self.text,
            provider: self.provider,
            model: self.model,
            usage: self.usage,
            truncated,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn collect(chunks: &[Value]) -> Result<Completion, LlmError> {
        let mut collector = Collector::new("openai", "asked");
        for chunk in chunks {
            collector.take(serde_json::from_value(chunk.clone()).expect("a chunk"));
        }
        collector.finish()
    }

    fn piece(text: &str, finish: Option<&str>) -> Value {
        json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})
    }

    #[test]
    fn reads_chunks_of_real_servers() {
        let usage =
            json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}});
        let role = json!({"model": "real-1", "choices": [{"delta": {"role": "assistant", "content": null}}]});
        let full = collect(&[role, piece("a", None), piece("b", Some("stop")), usage]).expect("an answer");
        assert_eq!((full.text.as_str(), full.model.as_str(), full.truncated), ("ab", "real-1", false));
        assert_eq!(full.usage, Some(Usage { input_tokens: 3, output_tokens: 4 }));

        let bare =
            collect(&[piece("a", None), json!({}), json!({"choices": null}), piece("", Some("length"))]);
        let bare = bare.expect("an answer");
        assert_eq!((bare.text.as_str(), bare.model.as_str(), bare.truncated), ("a", "asked", true));
        assert_eq!(bare.usage, None);

        let partial_usage = json!({"usage": {"completion_tokens": 4}, "choices": []});
        let partial = collect(&[piece("a", Some("eos")), partial_usage]).expect("an answer");
        assert_eq!(partial.usage, None);
    }

    #[test]
    fn distinguishes_the_reasons_for_no_completion() {
        let refusal = json!({"choices": [{"delta": {"refusal": "I cannot"}, "finish_reason": "stop"}]});
        let is = |chunks: &[Value], expected: fn(&LlmError) -> bool| {
            let error = collect(chunks).expect_err("no answer");
            assert!(expected(&error), "{error:?}");
        };
        is(&[], |error| matches!(error, LlmError::Transient { .. }));
        is(&[piece("half", None)], |error| matches!(error, LlmError::Transient { .. }));
        is(&[piece(" \n", Some("stop"))], |error| matches!(error, LlmError::Transient { .. }));
        is(&[refusal], |error| matches!(error, LlmError::ContentFilter { .. }));
        is(&[piece("x", Some("content_filter"))], |error| matches!(error, LlmError::ContentFilter { .. }));
    }
}
