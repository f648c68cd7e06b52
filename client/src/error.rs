//! Why a request to the API failed.

use atelier_providers::http::HttpError;
use serde_json::Value;

/// Why a request to the API failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiClientError {
    /// The address is no http or https URL.
    #[error("{0} is not an http or https URL")]
    Address(String),
    /// The connection failed or broke.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// No response came in time.
    #[error("no answer in time")]
    Timeout,
    /// The API refused the request.
    #[error("the API answered {status} {code}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The error's stable code; empty where the response has none.
        code: String,
        /// The error in a sentence.
        message: String,
    },
    /// The response does not match the API's document.
    #[error("the answer cannot be read: {0}")]
    Malformed(String),
}

impl ApiClientError {
    /// Whether the same request may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connection(_) | Self::Timeout => true,
            Self::Refused { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
            Self::Address(_) | Self::Malformed(_) => false,
        }
    }

    /// The error of a response with this status and body.
    pub(crate) fn of_response(status: u16, body: &Value) -> Self {
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let mut message = text("error").unwrap_or_else(|| "no explanation".to_owned());
        for (field, fault) in body.get("details").and_then(Value::as_object).into_iter().flatten() {
            if let Some(fault) = fault.as_str() {
                message = format!("{message}; {field}: {fault}");
            }
        }
        Self::Refused { status, code: text("code").unwrap_or_default(), message }
    }
}

impl From<HttpError> for ApiClientError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Timeout => Self::Timeout,
            HttpError::Connection(cause) => Self::Connection(cause),
            other => Self::Connection(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_invalid_field() {
        let body =
            serde_json::json!({"error": "Invalid", "code": "INVALID_INPUT", "details": {"email": "taken"}});

        let error = ApiClientError::of_response(422, &body);

        assert_eq!(error.to_string(), "the API answered 422 INVALID_INPUT: Invalid; email: taken");
        assert!(!error.is_transient() && ApiClientError::of_response(503, &Value::Null).is_transient());
    }
}
