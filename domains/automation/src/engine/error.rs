//! Why a node or a run failed, and why an event changes nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ScopePath;

/// Why an attempt of a node failed. It is small and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeError {
    /// The stable name.
    pub code: String,
    /// What happened, for people.
    pub message: String,
    /// The HTTP status of the other side's response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The pause that the other side asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// Whether another attempt may help, where the node knows. Otherwise status and code decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
}

impl NodeError {
    /// A node ran longer than it may.
    pub const TIMEOUT: &'static str = "TIMEOUT";
    /// A wait was not answered in time.
    pub const WAIT_TIMEOUT: &'static str = "WAIT_TIMEOUT";
    /// Items of a loop failed.
    pub const ITEMS_FAILED: &'static str = "ITEMS_FAILED";
    /// A while node ran as many rounds as it may.
    pub const ROUND_LIMIT: &'static str = "ROUND_LIMIT";
    /// A list has more items than a loop runs.
    pub const TOO_MANY_ITEMS: &'static str = "TOO_MANY_ITEMS";
    /// A node gave what its type cannot give, such as a port that it does not have.
    pub const UNEXPECTED_OUTCOME: &'static str = "UNEXPECTED_OUTCOME";
    /// A child run failed.
    pub const CHILD_FAILED: &'static str = "CHILD_FAILED";
    /// A child run was cancelled.
    pub const CHILD_CANCELLED: &'static str = "CHILD_CANCELLED";

    /// An error with a code.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: None, retry_after: None, retryable: None }
    }

    /// An error that no other attempt helps.
    pub fn permanent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { retryable: Some(false), ..Self::new(code, message) }
    }

    /// The same, with the status of the other side's response.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable name.
    pub code: String,
    /// What happened, for people.
    pub message: String,
    /// The key of the node that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The attempt that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

impl Failure {
    /// A run ended with a node undecided: a bug of the engine.
    pub const ENGINE_STUCK: &'static str = "ENGINE_STUCK";
    /// A run took longer than it may.
    pub const RUN_TIMEOUT: &'static str = "RUN_TIMEOUT";

    /// A failure of the run as a whole.
    pub fn of_run(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), node: None, attempt: None }
    }
}

/// Why an event changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The attempt that it is about is not the current one: the event is a duplicate, or too late.
    #[error("the attempt is not the current one")]
    Stale,
    /// The run has ended.
    #[error("the run has ended")]
    RunEnded,
    /// The run has not begun, or has begun already.
    #[error("the run is not in the state for it")]
    WrongState,
    /// The run is paused, so nothing starts.
    #[error("the run is paused")]
    Paused,
    /// There is no such node or scope.
    #[error("there is no node {node} in scope {scope:?}")]
    UnknownNode {
        /// The key that was asked for.
        node: String,
        /// The scope that was asked for.
        scope: ScopePath,
    },
    /// The node is no trigger, or a disabled one.
    #[error("no enabled trigger has this key")]
    NoTrigger,
    /// The wait was answered before, or has run out.
    #[error("the wait is over")]
    WaitClosed,
    /// The time of the wait has not come.
    #[error("the wait is not due yet")]
    NotDue,
    /// The signal was sent before the run began.
    #[error("the signal is older than the run")]
    SignalTooOld,
    /// Rows are needed that were not loaded.
    #[error("rows are missing")]
    RowsMissing,
    /// Nothing failed that could be retried.
    #[error("nothing can be retried")]
    NothingToRetry,
}
