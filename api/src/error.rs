//! The shape of all error answers, and the conversion of domain errors.

mod bounds;

use std::{borrow::Cow, sync::Arc};

use atelier_foundation::{Class, NotSignedIn, Problem, Refusal};
use atelier_queue::Transient;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    request_id,
    schema::{ToSchema, free::JsonObject, sets},
};

/// An error as a client sees it. The internal cause is only logged.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    details: Map<String, Value>,
    retry_after: Option<u64>,
    cause: Option<Arc<str>>,
    is_conflict: bool,
}

/// Marks the answer to a request whose transaction lost a conflict and was rolled back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conflicted;

/// Marks an answer that a person has chosen, whatever its status is: it is sent as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verbatim;

/// Seconds until a retry where the database is full, locked or unreachable.
const OUTAGE_PAUSE: u64 = 2;

/// The code of an error, attached to its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorCode(pub(crate) &'static str);

/// Every error answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// What went wrong, as a sentence for people.
    #[schema(example = "There is no such project.")]
    error: String,
    /// A stable name for programs.
    #[schema(value_type = sets::ErrorCode)]
    code: String,
    /// More about it: for a rejected input, what is wrong with each field.
    #[schema(value_type = JsonObject)]
    details: Map<String, Value>,
    /// The id of the request, as in the header `X-Request-Id`; the log has it too.
    request_id: Option<String>,
}

impl ApiError {
    /// An error with this status, code (`UPPER_SNAKE`) and sentence.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self {
            status,
            code,
            message,
            details: Map::new(),
            retry_after: None,
            cause: None,
            is_conflict: false,
        }
    }

    /// The error that says what this refusal says.
    fn of(refusal: Refusal) -> Self {
        let status = match refusal.class {
            Class::BadRequest => StatusCode::BAD_REQUEST,
            Class::Unauthenticated => StatusCode::UNAUTHORIZED,
            Class::Forbidden => StatusCode::FORBIDDEN,
            Class::NotFound => StatusCode::NOT_FOUND,
            Class::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Class::Conflict => StatusCode::CONFLICT,
            Class::Gone => StatusCode::GONE,
            Class::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Class::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Class::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Class::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Class::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Class::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Class::Upstream => StatusCode::BAD_GATEWAY,
            Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        let error = Self::new(status, refusal.code, refusal.message);
        Self { details: refusal.details, retry_after: refusal.retry_after, ..error }
    }

    /// 500 that hides `cause` from the client and logs it.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        Self { cause: Some(cause.to_string().into()), ..Self::of(Refusal::internal()) }
    }

    /// The error for an internal failure: 503 where the database fails for a moment, 500
    /// otherwise. The cause is logged and hidden from the client.
    pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> Self {
        let fault = Transient::of(error);
        let pause = match fault {
            None => return Self::internal(error),
            Some(Transient::Conflict) => 1,
            Some(Transient::Outage) => OUTAGE_PAUSE,
        };
        let unavailable = Self::of_status(StatusCode::SERVICE_UNAVAILABLE).with_retry_after(pause);
        let is_conflict = fault == Some(Transient::Conflict);
        Self { cause: Some(error.to_string().into()), is_conflict, ..unavailable }
    }

    /// 404 about `what`, such as "project".
    pub(crate) fn not_found(what: &str) -> Self {
        Self::of(Refusal::not_found(what))
    }

    /// 401 where no token came.
    pub(crate) fn unauthenticated() -> Self {
        NotSignedIn.into()
    }

    /// 403 for what only admins may do.
    pub(crate) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", "Only an administrator may do this.")
    }

    /// 403 for an API token that may not do this; it takes `needed`, such as "the scope
    /// write".
    pub(crate) fn insufficient_scope(needed: &str) -> Self {
        let message = format!("This API token may not do this: it takes {needed}.");
        Self::new(StatusCode::FORBIDDEN, "INSUFFICIENT_SCOPE", message)
    }

    /// 403 where the mail address must be verified first.
    pub(crate) fn unverified() -> Self {
        let message = "Prove your mail address first: open the link that was mailed to you.";
        Self::new(StatusCode::FORBIDDEN, "EMAIL_NOT_VERIFIED", message)
    }

    /// 422 with what is wrong with each field.
    pub(crate) fn invalid<F: Into<String>, M: Into<String>>(
        faults: impl IntoIterator<Item = (F, M)>,
    ) -> Self {
        Self::of(Refusal::invalid(faults))
    }

    /// The general error of a status.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let (code, message) = match status {
            StatusCode::BAD_REQUEST => ("BAD_REQUEST", "The request cannot be understood."),
            StatusCode::UNAUTHORIZED => return Self::unauthenticated(),
            StatusCode::FORBIDDEN => return Self::forbidden(),
            StatusCode::NOT_FOUND => ("NOT_FOUND", "There is nothing at this address."),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("METHOD_NOT_ALLOWED", "This address does not answer to this method.")
            }
            StatusCode::PAYLOAD_TOO_LARGE => ("PAYLOAD_TOO_LARGE", "The request body is too large."),
            StatusCode::URI_TOO_LONG => ("ADDRESS_TOO_LONG", "The address is too long."),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                ("HEADERS_TOO_LARGE", "The headers of the request are too large.")
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                ("UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json.")
            }
            StatusCode::TOO_MANY_REQUESTS => ("RATE_LIMITED", "Too many requests: wait a little."),
            StatusCode::SERVICE_UNAVAILABLE => {
                ("UNAVAILABLE", "The service cannot answer just now: try again.")
            }
            _ if status.is_server_error() => return Self { status, ..Self::of(Refusal::internal()) },
            _ => ("REFUSED", "The request was refused."),
        };
        Self::new(status, code, message)
    }

    /// The same with one more detail.
    #[must_use]
    pub(crate) fn with_detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The same with a hint when to try again, in seconds.
    #[must_use]
    pub(crate) fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }
}

/// What an error of a domain says of itself.
impl<E: Problem> From<E> for ApiError {
    fn from(error: E) -> Self {
        let refusal = error.refusal();
        if refusal.class == Class::Internal { Self::failed(&error) } else { Self::of(refusal) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match &self.cause {
            Some(cause) if self.is_conflict => {
                tracing::warn!(code = self.code, %cause, "request lost against another one");
            }
            Some(cause) => tracing::error!(code = self.code, %cause, "request failed"),
            None => {}
        }
        let body = ErrorBody {
            error: bounds::cut(self.message.into_owned()),
            code: self.code.to_owned(),
            details: bounds::cut_details(self.details),
            request_id: request_id::current(),
        };
        let mut response = (self.status, Json(body)).into_response();
        response.extensions_mut().insert(ErrorCode(self.code));
        if self.is_conflict {
            response.extensions_mut().insert(Conflicted);
        }
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body_of(response: Response) -> Value {
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.expect("a body");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    #[tokio::test]
    async fn an_internal_error_says_nothing_of_its_cause() {
        let response = ApiError::internal("password of the database is hunter2").into_response();

        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = body_of(response).await;
        assert_eq!(body["code"], "INTERNAL");
        assert!(!body.to_string().contains("hunter2"));
    }

    #[tokio::test]
    async fn a_database_that_cannot_do_it_now_is_a_pause_and_no_fault_of_ours() {
        use atelier_queue::QueueError;
        use sea_orm::{DbErr, RuntimeErr};

        let late = QueueError::from(DbErr::Conn(RuntimeErr::Internal("secret place".to_owned())));
        let response = ApiError::from(late).into_response();

        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        let body = body_of(response).await;
        assert_eq!(body["code"], "UNAVAILABLE");
        assert!(!body.to_string().contains("secret"));
        let other = ApiError::from(QueueError::from(DbErr::Custom("secret".to_owned())));
        assert_eq!(other.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[tokio::test]
    async fn a_rejected_input_names_its_fields() {
        let response = ApiError::invalid([("email", "is not an address")]).into_response();

        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(body_of(response).await["details"]["email"], "is not an address");
    }

    #[tokio::test]
    async fn every_error_has_the_same_four_fields() {
        let body = body_of(ApiError::not_found("project").into_response()).await;

        let mut names: Vec<_> = body.as_object().expect("an object").keys().cloned().collect();
        names.sort();
        assert_eq!(names, ["code", "details", "error", "request_id"]);
    }

    #[tokio::test]
    async fn an_error_repeats_little_of_what_came() {
        let long = "é".repeat(500_000);
        let nested = serde_json::json!({"told": [long.clone(), {&*long: long.clone()}]});
        let mut error = ApiError::invalid([(long.clone(), format!("unknown variant `{long}`"))]);
        error = error.with_detail("nested", nested);
        error.message = long.into();
        for number in 0..100_000 {
            error = error.with_detail(&number.to_string(), "is not known");
        }

        let response = error.into_response();

        let bytes = axum::body::to_bytes(response.into_body(), 16 * 1024).await.expect("a few KiB");
        let body: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(
            (&body["code"], body["details"].as_object().map(Map::len)),
            (&"VALIDATION_FAILED".into(), Some(32))
        );
    }

    #[test]
    fn a_missing_token_asks_for_a_bearer() {
        let response = ApiError::unauthenticated().into_response();

        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}
