//! The chunks of a streamed completion. Servers omit fields, add their own and write those of
//! the protocol in other forms, so nothing is required of a chunk but the end of the whole.

use serde_json::Value;

use super::super::draft::{Draft, End, number};
use super::super::timers::Stage;
use super::super::{Allowance, Completion, LlmError, Usage};

/// Assembles the chunks.
#[derive(Debug)]
pub(super) struct Collector {
    draft: Draft,
    refusal: String,
    /// Whether the server has marked the end of the stream.
    is_marked: bool,
}

impl Collector {
    /// Nothing has arrived.
    pub(super) fn new(draft: Draft) -> Self {
        Self { draft, refusal: String::new(), is_marked: false }
    }

    /// How far the completion is.
    pub(super) fn stage(&self) -> Stage {
        self.draft.stage()
    }

    /// Whether the completion has reached its size limit.
    pub(super) fn is_full(&self) -> bool {
        self.draft.is_full()
    }

    /// The tokens, if the server has counted them.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.draft.usage
    }

    /// Adds a chunk, or a whole completion from a server that cannot stream. Returns its text;
    /// empty if it has none.
    pub(super) fn take(&mut self, chunk: &Value) -> String {
        self.is_marked |= chunk.get("is_end").and_then(Value::as_bool) == Some(true);
        self.draft.name_model(chunk.get("model"));
        self.draft.usage = usage(chunk.get("usage")).or(self.draft.usage);
        let choices = chunk.get("choices").unwrap_or(&Value::Null);
        let choice = choices.get(0).unwrap_or(choices);
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.draft.end = end(reason).or(self.draft.end.take());
        }
        let whole = choice.get("delta").filter(|delta| delta.is_object()).or_else(|| choice.get("message"));
        let delta = whole.unwrap_or(choice);
        let has_thoughts =
            |key: &str| delta.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        self.draft.has_thoughts |= has_thoughts("reasoning_content") || has_thoughts("reasoning");
        self.refusal.push_str(delta.get("refusal").and_then(Value::as_str).unwrap_or_default());
        let content = delta.get("content").or_else(|| delta.get("text")).unwrap_or(&Value::Null);
        let text = self.text_of(content);
        self.draft.text.push_str(&text);
        text
    }

    /// The text of a content, which may be a text, a part or a list of parts.
    fn text_of(&mut self, content: &Value) -> String {
        match content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => parts.iter().map(|part| self.text_of(part)).collect(),
            Value::Object(part) => {
                let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
                if !matches!(kind, "text" | "output_text") {
                    self.draft.has_thoughts |= kind.contains("think") || kind.contains("reason");
                    return String::new();
                }
                part.get("text").and_then(Value::as_str).unwrap_or_default().to_owned()
            }
            _ => String::new(),
        }
    }

    /// The completion, once the stream has ended.
    pub(super) fn finish(self) -> Result<Completion, LlmError> {
        let Self { draft, refusal, is_marked } = self;
        if draft.text.is_empty() && !refusal.is_empty() {
            return Err(LlmError::ContentFilter { message: "the model refused to answer".into() });
        }
        let is_over = is_marked || draft.end.is_some();
        draft.finish(is_over)
    }
}

/// The server's id of the request, which the transport puts before the chunks.
pub(super) fn request_id(chunk: &Value) -> Option<String> {
    chunk.get("request_id").filter(|_| chunk.get("choices").is_none())?.as_str().map(str::to_owned)
}

/// What is left of the limits, which the transport puts before the chunks.
pub(super) fn allowance(chunk: &Value) -> Option<Allowance> {
    let told = chunk.get("allowance").filter(|_| chunk.get("choices").is_none())?;
    serde_json::from_value(told.clone()).ok()
}

fn usage(usage: Option<&Value>) -> Option<Usage> {
    let usage = usage?;
    let detail = |pointer| number(usage.pointer(pointer)).unwrap_or_default();
    Some(Usage {
        input_tokens: number(usage.get("prompt_tokens"))?,
        output_tokens: number(usage.get("completion_tokens"))?,
        cached_tokens: detail("/prompt_tokens_details/cached_tokens"),
        thought_tokens: detail("/completion_tokens_details/reasoning_tokens"),
    })
}

/// What a finish reason means; none for an empty one.
fn end(reason: &str) -> Option<End> {
    let reason = reason.trim().to_lowercase();
    Some(match reason.as_str() {
        "" | "null" => return None,
        "stop" | "eos" | "end_turn" | "stop_sequence" | "complete" | "completed" => End::Whole,
        "length" | "max_tokens" | "max_output_tokens" | "model_length" => End::Truncated,
        "content_filter" | "safety" | "recitation" | "blocklist" | "prohibited_content" | "refusal" => {
            End::Filtered(reason)
        }
        "error" | "server_error" | "abort" | "aborted" => End::Failed,
        _ => End::Other(reason),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn collect(chunks: &[Value]) -> Result<Completion, LlmError> {
        let mut collector = Collector::new(Draft::new("openai", "asked"));
        for chunk in chunks {
            collector.take(chunk);
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
        assert_eq!(full.usage, Some(Usage { input_tokens: 3, output_tokens: 4, ..Usage::default() }));

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
    fn content_may_be_a_list_of_parts_with_thoughts() {
        let parts = json!([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, "b",
            {"type": "reasoning", "text": "no"}, {"type": "output_text", "text": "c"}]);
        let chunk = json!({"choices": [{"delta": {"content": parts, "reasoning_content": "x"}}]});
        assert_eq!(collect(&[chunk, piece("d", Some("STOP"))]).expect("an answer").text, "abcd");

        let thoughts = json!({"choices": [{"delta": {"reasoning_content": "hm"}, "finish_reason": "stop"}]});
        let error = collect(&[thoughts]).expect_err("only thoughts");
        assert!(
            matches!(&error, LlmError::Unusable { message } if message.contains("thoughts")),
            "{error:?}"
        );
    }

    #[test]
    fn usage_may_be_written_as_text_and_with_a_fraction() {
        let usage = json!({"usage": {"prompt_tokens": "3", "completion_tokens": 4.0,
            "prompt_tokens_details": {"cached_tokens": 2}, "completion_tokens_details": null}});
        let done = collect(&[piece("a", Some("stop")), usage, json!({"usage": {}})]).expect("an answer");
        let expected = Usage { input_tokens: 3, output_tokens: 4, cached_tokens: 2, thought_tokens: 0 };
        assert_eq!(done.usage, Some(expected));
    }

    #[test]
    fn finish_reasons_are_read_in_any_case() {
        for (reason, truncated) in [("Stop", false), ("MAX_TOKENS", true), ("Length", true), ("new", false)] {
            let done = collect(&[piece("a", Some(reason))]).expect("an answer");
            assert_eq!(done.truncated, truncated, "{reason}");
        }
        let failed = collect(&[piece("a", Some("error"))]).expect_err("an error");
        assert!(matches!(failed, LlmError::Transient { .. }), "{failed:?}");
    }

    #[test]
    fn the_mark_of_the_end_suffices_without_a_finish_reason() {
        let done = collect(&[piece("a", None), json!({"is_end": true})]).expect("an answer");
        assert_eq!((done.text.as_str(), done.truncated), ("a", false));
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
        is(&[piece(" \n", Some("stop"))], |error| matches!(error, LlmError::Unusable { .. }));
        is(&[piece("", Some("tool_calls"))], |error| matches!(error, LlmError::Unusable { .. }));
        is(&[refusal], |error| matches!(error, LlmError::ContentFilter { .. }));
        is(&[piece("x", Some("content_filter"))], |error| matches!(error, LlmError::ContentFilter { .. }));
    }
}
