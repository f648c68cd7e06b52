//! Classifies the error responses of a server.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::LlmError;

const MAX_MESSAGE_CHARS: usize = 300;
/// Longest accepted Retry-After.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// An error response.
pub(super) struct Refusal<'a> {
    /// HTTP status.
    pub(super) status: u16,
    /// How long the server asked to wait.
    pub(super) retry_after: Option<Duration>,
    /// The body, JSON or not.
    pub(super) body: &'a [u8],
    /// The key, which is removed from the message.
    pub(super) api_key: &'a str,
}

/// The error for an error response.
pub(super) fn classify(refusal: &Refusal<'_>) -> LlmError {
    let body: Value = serde_json::from_slice(refusal.body).unwrap_or(Value::Null);
    let object = ErrorObject::new(&body, refusal.api_key);
    let status = refusal.status;
    let message = if object.message.is_empty() {
        format!("status {status}")
    } else {
        format!("status {status}: {}", object.message)
    };
    match status {
        401 | 403 if !object.is_content_filter() => LlmError::Auth { message },
        402 => LlmError::Quota { message },
        404 if object.codes.contains("model_not_found") => LlmError::Auth { message },
        429 if object.is_quota() => LlmError::Quota { message },
        429 => LlmError::RateLimited { message, after: refusal.retry_after },
        413 => LlmError::ContextTooLong { message },
        408 | 409 | 425 | 500.. => LlmError::Transient { message },
        _ => object.request_fault(message),
    }
}

/// The error for an error object in the middle of a stream.
pub(super) fn classify_streamed(error: &Value, api_key: &str) -> LlmError {
    let status = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    if let Some(status) = status.filter(|status| (400..600).contains(status)) {
        let body = serde_json::json!({ "error": error }).to_string();
        return classify(&Refusal { status, retry_after: None, body: body.as_bytes(), api_key });
    }
    let object = ErrorObject::new(&serde_json::json!({ "error": error }), api_key);
    let message = object.message.clone();
    if object.is_quota() {
        return LlmError::Quota { message };
    }
    if object.codes.contains("rate_limit") {
        return LlmError::RateLimited { message, after: None };
    }
    match object.request_fault(message) {
        LlmError::BadRequest { message } if !object.codes.contains("invalid_request") => {
            LlmError::Transient { message }
        }
        fault => fault,
    }
}

/// The value of a Retry-After header: seconds or a date, at most an hour.
pub(super) fn parse_retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let wait = match text.trim().parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => {
            let until = DateTime::parse_from_rfc2822(text.trim()).ok()?;
            (until.with_timezone(&Utc) - now).to_std().unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The error object. `codes` are in lower case.
struct ErrorObject {
    message: String,
    codes: String,
}

impl ErrorObject {
    fn new(body: &Value, api_key: &str) -> Self {
        let error = body.get("error").unwrap_or(body);
        let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
        let message = error.as_str().unwrap_or_else(|| text("message"));
        let codes = format!("{} {}", text("code"), text("type")).to_lowercase();
        Self { message: clean(message, api_key), codes }
    }

    fn is_quota(&self) -> bool {
        ["insufficient_quota", "billing", "credit_balance", "insufficient_credits"]
            .iter()
            .any(|word| self.codes.contains(word))
    }

    fn is_content_filter(&self) -> bool {
        ["content_filter", "content_policy", "responsibleaipolicy", "moderation"]
            .iter()
            .any(|word| self.codes.contains(word))
    }

    fn request_fault(&self, message: String) -> LlmError {
        let text = self.message.to_lowercase();
        let mentions = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if self.codes.contains("context_length")
            || mentions(&[
                "context length",
                "context window",
                "context size",
                "maximum context",
                "prompt is too long",
            ])
        {
            return LlmError::ContextTooLong { message };
        }
        if self.is_content_filter() || mentions(&["content management policy", "content policy"]) {
            return LlmError::ContentFilter { message };
        }
        LlmError::BadRequest { message }
    }
}

/// One short line without the key or similar secrets.
fn clean(message: &str, api_key: &str) -> String {
    let without_key = if api_key.is_empty() { message.to_owned() } else { message.replace(api_key, "***") };
    let words: Vec<&str> =
        without_key.split_whitespace().map(|word| if word.contains("sk-") { "***" } else { word }).collect();
    words.join(" ").chars().take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(error: &LlmError) -> &'static str {
        match error {
            LlmError::Transient { .. } => "transient",
            LlmError::RateLimited { .. } => "rate",
            LlmError::Quota { .. } => "quota",
            LlmError::Auth { .. } => "auth",
            LlmError::BadRequest { .. } => "bad",
            LlmError::ContentFilter { .. } => "filter",
            LlmError::ContextTooLong { .. } => "long",
            LlmError::Timeout { .. } => "timeout",
            LlmError::CircuitOpen { .. } => "resting",
        }
    }

    #[test]
    fn classifies_errors_of_real_servers() {
        let table = [
            (401, r#"{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}"#, "auth"),
            (403, r#"{"error":{"message":"Country not supported"}}"#, "auth"),
            (403, r#"{"error":{"message":"flagged","code":"content_filter"}}"#, "filter"),
            (402, r#"{"error":{"message":"Insufficient credits","code":402}}"#, "quota"),
            (404, r#"{"error":{"message":"The model x does not exist","code":"model_not_found"}}"#, "auth"),
            (404, "<html>not found</html>", "bad"),
            (429, r#"{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}"#, "rate"),
            (429, r#"{"error":{"message":"You exceeded","type":"insufficient_quota"}}"#, "quota"),
            (429, "slow down", "rate"),
            (400, r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#, "long"),
            (400, r#"{"error":{"message":"This model's maximum context length is 8192 tokens"}}"#, "long"),
            (400, r#"{"error":"the request exceeds the available context size"}"#, "long"),
            (413, "", "long"),
            (400, r#"{"error":{"message":"no","code":"content_policy_violation"}}"#, "filter"),
            (400, r#"{"error":{"message":"Unknown parameter"}}"#, "bad"),
            (422, r#"{"message":"not valid"}"#, "bad"),
            (302, "", "bad"),
            (408, "", "transient"),
            (500, "oops", "transient"),
            (503, r#"{"error":{"message":"overloaded"}}"#, "transient"),
            (529, "", "transient"),
        ];
        for (status, body, expected) in table {
            let refusal = Refusal { status, retry_after: None, body: body.as_bytes(), api_key: "k" };
            assert_eq!(name(&classify(&refusal)), expected, "{status} {body}");
        }
    }

    #[test]
    fn classifies_errors_in_the_middle_of_a_stream() {
        let table = [
            (r#"{"message":"upstream died","code":502}"#, "transient"),
            (r#"{"message":"The server had an error","type":"server_error"}"#, "transient"),
            (r#"{"message":"x","type":"insufficient_quota"}"#, "quota"),
            (r#"{"message":"x","code":"rate_limit_exceeded"}"#, "rate"),
            (r#"{"message":"x","code":"context_length_exceeded"}"#, "long"),
            (r#"{"message":"x","type":"invalid_request_error"}"#, "bad"),
            (r#""broken""#, "transient"),
        ];
        for (body, expected) in table {
            let value: Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(name(&classify_streamed(&value, "")), expected, "{body}");
        }
    }

    #[test]
    fn keeps_keys_out_of_messages() {
        let body = br#"{"error":{"message":"Incorrect key: secret-token.\nSee sk-abc***xyz, please"}}"#;
        let error = classify(&Refusal { status: 401, retry_after: None, body, api_key: "secret-token" });
        let text = error.to_string();
        assert!(!text.contains("secret-token") && !text.contains("sk-") && text.contains("***"), "{text}");
    }

    #[test]
    fn reads_both_forms_of_retry_after() {
        let now = DateTime::parse_from_rfc3339("2026-01-01T00:00:00Z").expect("a date").with_timezone(&Utc);
        let table = [
            ("20", Some(20_000)),
            ("1.5", Some(1500)),
            ("Thu, 01 Jan 2026 00:00:30 GMT", Some(30_000)),
            ("Wed, 31 Dec 2025 23:59:00 GMT", Some(0)),
            ("999999", Some(3_600_000)),
            ("-1", None),
            ("soon", None),
            ("NaN", None),
        ];
        for (text, expected) in table {
            let wait = parse_retry_after(text, now).map(|wait| wait.as_millis());
            assert_eq!(wait, expected, "{text}");
        }
    }
}
