//! The client's view of a domain error. It is defined beside the error, so that no error
//! can be added without it.

use std::{borrow::Cow, error::Error};

use atelier_entities::JobId;
use atelier_queue::QueueError;
use serde_json::{Map, Value};

use crate::{FieldErrors, key_ring::KeyRingError};

/// An error with a refusal for the client.
pub trait Problem: Error + Send + Sync + 'static {
    /// The refusal. [`Refusal::internal`] for internal faults: the client only learns
    /// whether a retry may help.
    fn refusal(&self) -> Refusal;
}

impl<E: Problem> From<E> for Box<dyn Problem> {
    fn from(error: E) -> Self {
        Box::new(error)
    }
}

/// The class of a refusal. It sets the HTTP status (RFC 9110, section 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 400.
    BadRequest,
    /// 401.
    Unauthenticated,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 409.
    Conflict,
    /// 410.
    Gone,
    /// 412.
    PreconditionFailed,
    /// 413.
    TooLarge,
    /// 415.
    UnsupportedMediaType,
    /// 422.
    Invalid,
    /// 428.
    PreconditionRequired,
    /// 429.
    TooMany,
    /// 500, or 503 if the fault may be transient.
    Internal,
    /// 502.
    Upstream,
    /// 503.
    Unavailable,
}

/// The description of an error for a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The class of its status.
    pub class: Class,
    /// A stable name for programs, in `UPPER_SNAKE`.
    pub code: &'static str,
    /// A sentence for people.
    pub message: Cow<'static, str>,
    /// Details by name.
    pub details: Map<String, Value>,
    /// Seconds after which the client may retry.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// Creates a refusal.
    #[must_use]
    pub fn new(class: Class, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { class, code, message: message.into(), details: Map::new(), retry_after: None }
    }

    /// An internal fault without details.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Class::Internal, "INTERNAL", "Something went wrong on our side.")
    }

    /// 404 about `what`, such as "project".
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(Class::NotFound, "NOT_FOUND", format!("There is no such {what}."))
    }

    /// 422 with the error of each field.
    #[must_use]
    pub fn invalid<F: Into<String>, M: Into<String>>(faults: impl IntoIterator<Item = (F, M)>) -> Self {
        let refusal =
            Self::new(Class::Invalid, "VALIDATION_FAILED", "The input is not valid: see the details.");
        let details = faults.into_iter().map(|(field, fault)| (field.into(), fault.into().into())).collect();
        Self { details, ..refusal }
    }

    /// 409 if the maximum number of `what` is reached.
    #[must_use]
    pub fn at_bound(code: &'static str, what: &str, most: u64) -> Self {
        let message = format!("There are {most} {what} already, which is the most.");
        Self::new(Class::Conflict, code, message).with_detail("limit", most)
    }

    /// 409 with the job that blocks the command.
    #[must_use]
    pub fn in_progress(code: &'static str, message: &'static str, job: JobId) -> Self {
        Self::new(Class::Conflict, code, message)
            .with_detail("job_id", job.to_string())
            .with_detail("location", format!("/api/jobs/{job}"))
    }

    /// Adds a detail.
    #[must_use]
    pub fn with_detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Adds the time after which the client may retry, in seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl Problem for FieldErrors {
    fn refusal(&self) -> Refusal {
        Refusal::invalid(self.0.iter().map(|(field, fault)| (*field, fault.as_str())))
    }
}

/// One refusal for all: which key is missing is for the log alone.
impl Problem for KeyRingError {
    fn refusal(&self) -> Refusal {
        tracing::error!(error = %self, "the key ring cannot seal or open a secret");
        let message =
            "This installation cannot encrypt or decrypt secrets: its operator must see to its keys.";
        Refusal::new(Class::Unavailable, "CREDENTIAL_KEYS_MISSING", message)
    }
}

impl Problem for QueueError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotFound => Refusal::not_found("job"),
            Self::WrongState { state, action } => {
                let message = format!("The job is {state}: it cannot be {action}.");
                Refusal::new(Class::Conflict, "WRONG_STATE", message).with_detail("status", state.as_str())
            }
            _ => Refusal::internal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use atelier_entities::JobState;

    use super::*;

    #[test]
    fn the_queues_errors_say_what_is_the_callers_and_nothing_of_the_inside() {
        let wrong_state = QueueError::WrongState { state: JobState::Succeeded, action: "cancelled" };
        for (error, class, code) in [
            (QueueError::NotFound, Class::NotFound, "NOT_FOUND"),
            (wrong_state, Class::Conflict, "WRONG_STATE"),
            (QueueError::DuplicateKind("a.b"), Class::Internal, "INTERNAL"),
        ] {
            let refusal = error.refusal();
            assert_eq!((refusal.class, refusal.code), (class, code));
        }
    }

    #[test]
    fn a_missing_key_is_refused_without_its_name() {
        let refusal = KeyRingError::UnknownKey("2026-a".to_owned()).refusal();

        assert_eq!((refusal.class, refusal.code), (Class::Unavailable, "CREDENTIAL_KEYS_MISSING"));
        assert!(!refusal.message.contains("2026-a"));
    }

    #[test]
    fn wrong_fields_are_named() {
        let refusal = FieldErrors::of("title", "must not be empty").refusal();

        assert_eq!((refusal.class, refusal.code), (Class::Invalid, "VALIDATION_FAILED"));
        assert_eq!(refusal.details["title"], "must not be empty");
    }
}
