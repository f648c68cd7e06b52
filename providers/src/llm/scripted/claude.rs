//! The frames of Anthropic's Messages API.

use serde_json::{Value, json};

/// An event, whose name is the type of its data.
#[must_use]
pub fn event(data: &Value) -> String {
    let name = data["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n")
}

/// The beginning of a message that read this many tokens.
#[must_use]
pub fn start(input: u64) -> String {
    let usage = json!({"input_tokens": input, "output_tokens": 1});
    event(&json!({"type": "message_start", "message": {"id": "msg_1", "model": "real-1", "usage": usage}}))
}

/// A sign of life.
#[must_use]
pub fn ping() -> String {
    event(&json!({"type": "ping"}))
}

/// A chunk of the text.
#[must_use]
pub fn delta(text: &str) -> String {
    event(&json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}))
}

/// A chunk of a thought.
#[must_use]
pub fn thought(text: &str) -> String {
    let delta = json!({"type": "thinking_delta", "thinking": text});
    event(&json!({"type": "content_block_delta", "index": 0, "delta": delta}))
}

/// The reason why the text ends, and the tokens written in all.
#[must_use]
pub fn end(reason: &str, output: u64) -> String {
    let usage = json!({"output_tokens": output});
    event(&json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}))
}

/// The end of the message.
#[must_use]
pub fn stop() -> String {
    event(&json!({"type": "message_stop"}))
}

/// An error in the middle of the stream.
#[must_use]
pub fn error(kind: &str, message: &str) -> String {
    event(&json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}))
}

/// A whole message of this text.
#[must_use]
pub fn whole(text: &str) -> Vec<String> {
    vec![start(7), ping(), delta(text), end("end_turn", 2), stop()]
}
