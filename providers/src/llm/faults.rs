//! Classifies the error responses of a server. Codes decide before sentences: the same
//! sentence is final at one provider and passes at another.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use chrono_tz::America::Los_Angeles;
use serde_json::Value;

use super::{LlmError, hints};

const MAX_MESSAGE_CHARS: usize = 300;

/// An error response.
pub(super) struct Refusal<'a> {
    /// HTTP status.
    pub(super) status: u16,
    /// How long the headers ask to wait.
    pub(super) retry_after: Option<Duration>,
    /// The server's id of the request.
    pub(super) request_id: Option<String>,
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
    let mut message = format!("status {status}");
    if !object.message.is_empty() {
        message = format!("{message}: {}", object.message);
    }
    if let Some(id) = &refusal.request_id {
        message = format!("{message} (request {id})");
    }
    let after = refusal.retry_after.or(object.retry_after);
    match status {
        401 | 403 if !object.is_content_filter() => LlmError::Auth { message },
        402 => LlmError::Quota { message, until: None },
        404 if object.is_of(&["model_not_found", "not_found_error", "not_found"]) => {
            LlmError::Auth { message }
        }
        429 if object.is_quota() => LlmError::Quota { message, until: object.quota_until(Utc::now()) },
        429 => LlmError::RateLimited { message, after },
        503 | 529 if after.is_some() => LlmError::RateLimited { message, after },
        413 => LlmError::ContextTooLong { message },
        408 | 409 | 425 | 500.. => LlmError::Transient { message },
        _ => object.request_fault(message),
    }
}

/// The error for an error object in the middle of a stream.
pub(super) fn classify_streamed(error: &Value, api_key: &str) -> LlmError {
    let code = error.get("code").or_else(|| error.get("status"));
    let number = code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
    let status = number.and_then(|code| u16::try_from(code).ok());
    if let Some(status) = status.filter(|status| (400..600).contains(status)) {
        let body = serde_json::json!({ "error": error }).to_string();
        let body = body.as_bytes();
        return classify(&Refusal { status, retry_after: None, request_id: None, body, api_key });
    }
    let object = ErrorObject::new(&serde_json::json!({ "error": error }), api_key);
    let message = object.message.clone();
    if object.is_quota() {
        return LlmError::Quota { message, until: object.quota_until(Utc::now()) };
    }
    if object.is_of(&["rate_limit", "resource_exhausted"]) {
        return LlmError::RateLimited { message, after: object.retry_after };
    }
    if object.is_of(&["authentication_error", "permission_error", "not_found_error"]) {
        return LlmError::Auth { message };
    }
    if object.is_of(&["request_too_large"]) {
        return LlmError::ContextTooLong { message };
    }
    match object.request_fault(message) {
        LlmError::BadRequest { message } if !object.is_of(&["invalid_request", "invalid_argument"]) => {
            LlmError::Transient { message }
        }
        fault => fault,
    }
}

/// The next midnight in California.
fn next_midnight(now: DateTime<Utc>) -> DateTime<Utc> {
    let tomorrow = now.with_timezone(&Los_Angeles).date_naive() + Days::new(1);
    let midnight = tomorrow.and_time(NaiveTime::MIN).and_local_timezone(Los_Angeles).earliest();
    midnight.map_or(now + TimeDelta::days(1), |midnight| midnight.with_timezone(&Utc))
}

/// The error object. `codes` are in lower case: OpenAI's and Anthropic's code and type,
/// Google's status, the reasons and the quotas of its details.
struct ErrorObject {
    message: String,
    codes: String,
    retry_after: Option<Duration>,
}

impl ErrorObject {
    fn new(body: &Value, api_key: &str) -> Self {
        let body = body.get(0).unwrap_or(body);
        let error = body.get("error").unwrap_or(body);
        let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
        let message = error.as_str().unwrap_or_else(|| text("message"));
        let mut codes = vec![text("code"), text("type"), text("status")];
        let details = error.get("details").and_then(Value::as_array);
        for detail in details.into_iter().flatten() {
            codes.extend(detail.get("reason").and_then(Value::as_str));
            let violations = detail.get("violations").and_then(Value::as_array);
            let quotas = violations.into_iter().flatten();
            codes.extend(quotas.filter_map(|violation| violation.get("quotaId")?.as_str()));
        }
        Self {
            codes: codes.join(" ").to_lowercase(),
            retry_after: hints::in_error(error, message),
            message: clean(message, api_key),
        }
    }

    fn is_of(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.codes.contains(code))
    }

    fn is_quota(&self) -> bool {
        self.is_of(&["insufficient_quota", "billing", "credit_balance", "insufficient_credits", "perday"])
    }

    /// When a quota of a day begins anew: at midnight in California (research 1.4).
    fn quota_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.is_of(&["perday"]).then(|| next_midnight(now))
    }

    fn is_content_filter(&self) -> bool {
        self.is_of(&["content_filter", "content_policy", "responsibleaipolicy", "moderation"])
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
                "input token count",
            ])
        {
            return LlmError::ContextTooLong { message };
        }
        if self.is_content_filter() || mentions(&["content management policy", "content policy"]) {
            return LlmError::ContentFilter { message };
        }
        if mentions(&["credit balance is too low"]) {
            return LlmError::Quota { message, until: None };
        }
        if self.is_of(&["api_key_invalid", "failed_precondition"]) {
            return LlmError::Auth { message };
        }
        LlmError::BadRequest { message }
    }
}

/// One short line without the key or similar secrets.
fn clean(message: &str, api_key: &str) -> String {
    let without_key = if api_key.is_empty() { message.to_owned() } else { message.replace(api_key, "***") };
    let words: Vec<&str> = without_key
        .split_whitespace()
        .map(|word| if word.contains("sk-") || word.contains("AIza") { "***" } else { word })
        .collect();
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
            _ => "another",
        }
    }

    fn check(table: &[(u16, &str, &str)]) {
        for (status, body, expected) in table {
            let (status, body_bytes) = (*status, body.as_bytes());
            let refusal =
                Refusal { status, retry_after: None, request_id: None, body: body_bytes, api_key: "sk-test" };
            assert_eq!(name(&classify(&refusal)), *expected, "{status} {body}");
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
            (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                "transient",
            ),
        ];
        check(&table);
    }

    #[test]
    fn classifies_errors_of_claude_and_gemini() {
        let table = [
            (404, r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#, "auth"),
            (
                400,
                r#"{"error":{"type":"invalid_request_error","message":"prompt is too long: 2 > 1"}}"#,
                "long",
            ),
            (400, r#"{"error":{"type":"x","message":"Your credit balance is too low to access"}}"#, "quota"),
            (
                400,
                r#"{"error":{"status":"INVALID_ARGUMENT","message":"bad","details":[{"reason":"API_KEY_INVALID"}]}}"#,
                "auth",
            ),
            (400, r#"{"error":{"status":"FAILED_PRECONDITION","message":"User location"}}"#, "auth"),
            (
                400,
                r#"[{"error":{"status":"INVALID_ARGUMENT","message":"The input token count (9) exceeds"}}]"#,
                "long",
            ),
            (
                429,
                r#"{"error":{"status":"RESOURCE_EXHAUSTED","message":"You exceeded your current quota","details":[{"violations":[{"quotaId":"GenerateRequestsPerMinutePerProject"}]}]}}"#,
                "rate",
            ),
            (
                429,
                r#"{"error":{"status":"RESOURCE_EXHAUSTED","message":"You exceeded your current quota","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProject"}]}]}}"#,
                "quota",
            ),
        ];
        check(&table);
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
            (r#"{"type":"overloaded_error","message":"Overloaded"}"#, "transient"),
            (r#"{"type":"authentication_error","message":"x"}"#, "auth"),
            (r#"{"code":429,"status":"RESOURCE_EXHAUSTED","message":"x"}"#, "rate"),
            (r#"{"code":503,"status":"UNAVAILABLE","message":"x"}"#, "transient"),
        ];
        for (body, expected) in table {
            let value: Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(name(&classify_streamed(&value, "")), expected, "{body}");
        }
    }

    #[test]
    fn keeps_keys_out_of_messages() {
        let body = br#"{"error":{"message":"Incorrect key: secret-token.\nSee sk-abc***xyz, please"}}"#;
        let request_id = Some("req_7".to_owned());
        let error =
            classify(&Refusal { status: 401, retry_after: None, request_id, body, api_key: "secret-token" });
        let text = error.to_string();
        assert!(!text.contains("secret-token") && !text.contains("sk-") && text.contains("***"), "{text}");
        assert!(text.contains("request req_7"), "{text}");
    }

    #[test]
    fn a_quota_of_a_day_begins_anew_at_midnight_in_california() {
        let table = [
            ("2026-01-10T07:59:59Z", "2026-01-10T08:00:00Z"),
            ("2026-01-10T08:00:00Z", "2026-01-11T08:00:00Z"),
            ("2026-07-01T12:00:00Z", "2026-07-02T07:00:00Z"),
            ("2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"),
        ];
        let at = |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").with_timezone(&Utc);
        for (now, expected) in table {
            assert_eq!(next_midnight(at(now)), at(expected), "{now}");
        }
    }

    #[test]
    fn the_wait_comes_from_headers_or_from_the_body() {
        let body = br#"{"error":{"code":429,"message":"x","details":[{"retryDelay":"26s"}]}}"#;
        let wait = |status, retry_after| {
            let refusal = Refusal { status, retry_after, request_id: None, body, api_key: "" };
            classify(&refusal).retry_after().map(|wait| wait.as_secs())
        };
        assert_eq!(wait(429, None), Some(26));
        assert_eq!(wait(429, Some(Duration::from_secs(3))), Some(3));
        assert_eq!(wait(503, Some(Duration::from_secs(3))), Some(3), "an overloaded server may say when");
        assert_eq!(wait(500, Some(Duration::from_secs(3))), None);
    }
}
