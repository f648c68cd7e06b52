//! The frames of OpenAI's chat completions.

use serde_json::{Value, json};

/// An event with this data.
#[must_use]
pub fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// A chunk of the text.
#[must_use]
pub fn delta(text: &str) -> String {
    event(
        &json!({"model": "real-1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}),
    )
}

/// The end of the text.
#[must_use]
pub fn end(reason: &str) -> String {
    event(&json!({"model": "real-1", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
}

/// The usage.
#[must_use]
pub fn usage(input: u64, output: u64) -> String {
    event(&json!({"choices": [], "usage": {"prompt_tokens": input, "completion_tokens": output}}))
}

/// An error in the middle of the stream.
#[must_use]
pub fn error(code: &str, message: &str) -> String {
    event(&json!({"error": {"message": message, "type": code, "code": code}}))
}

/// The end of the stream.
#[must_use]
pub fn done() -> String {
    "data: [DONE]\n\n".to_owned()
}

/// A whole completion of this text.
#[must_use]
pub fn whole(text: &str) -> Vec<String> {
    vec![delta(text), end("stop"), usage(7, 2), done()]
}
