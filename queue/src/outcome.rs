//! What a handler answers: an outcome, or an error that says what to do about it.

use std::time::Duration;

use sea_orm::DbErr;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::QueueError;

/// What a handler answers when nothing went wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done, with a result for the job's owner (`Value::Null` for none).
    Done(Value),
    /// Not yet: run again after this long. Spends no attempt.
    Snooze(Duration),
    /// No longer wanted, with the reason.
    Cancel(String),
}

impl Outcome {
    /// Done, without a result.
    #[must_use]
    pub const fn done() -> Self {
        Self::Done(Value::Null)
    }
}

/// An error of an attempt. The job's owner reads it, so it holds no secret and no internals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct JobError {
    /// Stable code for filters and frontends, `UPPER_SNAKE`.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// Further facts, such as the faults of an answer.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
    /// What to do after it.
    #[serde(skip, default)]
    pub disposition: Disposition,
}

/// What to do after an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disposition {
    /// Try again after the policy's backoff, as long as attempts are left.
    #[default]
    Retry,
    /// Try again after this long, as long as attempts are left.
    RetryAfter(Duration),
    /// Trying again cannot help: the job has failed.
    Fail,
    /// The job could not be tried: run again after this long, without spending the
    /// attempt. The error says what the job waits for, and its `why` shows it.
    Wait(Duration),
    /// This version of the program cannot read the job. Wait for another version without
    /// spending attempts, for as long as an upgrade may take.
    WaitForVersion,
}

/// The error of args that this version of the program cannot read.
pub(crate) fn undecodable(reason: &serde_json::Error) -> JobError {
    let message = format!("this version of the program cannot read its args: {reason}");
    JobError { disposition: Disposition::WaitForVersion, ..JobError::retry("UNDECODABLE_ARGS", message) }
}

impl JobError {
    /// An error that may be gone at the next attempt.
    pub fn retry(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            details: Value::Null,
            disposition: Disposition::Retry,
        }
    }

    /// An error that may be gone after this long, and not before.
    pub fn retry_after(code: impl Into<String>, message: impl Into<String>, after: Duration) -> Self {
        Self { disposition: Disposition::RetryAfter(after), ..Self::retry(code, message) }
    }

    /// What the job waits for before it can be tried. Spends no attempt.
    pub fn wait(code: impl Into<String>, message: impl Into<String>, after: Duration) -> Self {
        Self { disposition: Disposition::Wait(after), ..Self::retry(code, message) }
    }

    /// An error that no further attempt can avoid.
    pub fn fail(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { disposition: Disposition::Fail, ..Self::retry(code, message) }
    }

    /// The error with details.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// The error as it is stored.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl From<DbErr> for JobError {
    /// The database failed: logged, and tried again.
    fn from(error: DbErr) -> Self {
        QueueError::from(error).into()
    }
}

impl From<QueueError> for JobError {
    /// The database failed: logged, and tried again. The owner reads no internals.
    fn from(error: QueueError) -> Self {
        tracing::warn!(%error, "the database failed under a job");
        Self::retry("DATABASE", "the database did not answer")
    }
}
