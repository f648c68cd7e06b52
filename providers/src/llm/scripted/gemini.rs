//! The frames of Google's `streamGenerateContent`.

use serde_json::{Value, json};

/// An event with this data.
#[must_use]
pub fn event(data: &Value) -> String {
    format!("data: {data}\r\n\r\n")
}

/// A chunk of the text.
#[must_use]
pub fn delta(text: &str) -> String {
    let content = json!({"role": "model", "parts": [{"text": text}]});
    event(
        &json!({"candidates": [{"content": content, "index": 0}], "modelVersion": "real-1", "responseId": "r1"}),
    )
}

/// A chunk of a thought.
#[must_use]
pub fn thought(text: &str) -> String {
    let content = json!({"role": "model", "parts": [{"text": text, "thought": true}]});
    event(&json!({"candidates": [{"content": content}]}))
}

/// The end of the text, without content.
#[must_use]
pub fn end(reason: &str) -> String {
    let usage = json!({"promptTokenCount": 7, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 12});
    event(&json!({"candidates": [{"finishReason": reason, "index": 0}], "usageMetadata": usage}))
}

/// A request that the filter stopped.
#[must_use]
pub fn blocked(reason: &str) -> String {
    event(&json!({"promptFeedback": {"blockReason": reason}}))
}

/// The body of a 429 for this quota, with a wait.
#[must_use]
pub fn exhausted(quota: &str, delay: &str) -> String {
    let details = json!([
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
    ]);
    let message = "You exceeded your current quota, please check your plan and billing details.";
    json!({"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details}})
        .to_string()
}

/// A whole response of this text.
#[must_use]
pub fn whole(text: &str) -> Vec<String> {
    vec![delta(text), end("STOP")]
}
