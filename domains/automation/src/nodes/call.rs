//! What an attempt gets, and what it gives.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use atelier_entities::{RunId, Timestamp, UserId, WaitKind, WorkflowId};
use atelier_providers::{http::GuardedClient, llm::ChatModel};
use atelier_queue::{JobError, Queue};
use serde_json::Value;

use crate::{
    expression::{Context, ExpressionError, Redactor},
    graph::ConfigFault,
    integrations::Credentials,
};

/// What a computing node gets.
#[derive(Debug)]
pub struct Work {
    /// What arrived: the output of the only taken branch, or a list of those of all.
    pub input: Arc<Value>,
    /// The branches that lead to the node, in the order of the edges.
    pub branches: Vec<Branch>,
    /// What expressions see.
    pub context: Context,
    /// The time.
    pub now: Timestamp,
    /// When the attempt has to end.
    pub deadline: Instant,
}

impl Work {
    /// The input as a value of its own.
    #[must_use]
    pub fn take_input(&self) -> Value {
        Value::clone(&self.input)
    }

    /// Fails once the time of the attempt is over.
    ///
    /// # Errors
    /// `TIMEOUT`.
    pub fn check_time(&self) -> Result<(), NodeFailure> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(NodeFailure::timeout()) }
    }
}

/// A branch that leads to a node.
#[derive(Clone, Debug)]
pub struct Branch {
    /// The key of the node that it comes from.
    pub source: String,
    /// What it brings. Nothing if the branch was not taken.
    pub value: Option<Arc<Value>>,
}

/// What an acting node gets.
#[derive(Debug)]
pub struct Call<'a> {
    /// What it acts with.
    pub services: &'a Services,
    /// The run.
    pub run_id: RunId,
    /// The person whose run it is.
    pub owner: UserId,
    /// Names what is done, the same for all attempts: what was done under it is not done again.
    pub idempotency_key: String,
    /// Removes opened secrets from what is stored or shown.
    pub redactor: &'a Redactor,
}

/// What nodes act with.
#[derive(Clone)]
pub struct Services {
    /// The queue and its database.
    pub queue: Queue,
    /// Sends requests to addresses that people choose.
    pub http: GuardedClient,
    /// The language model.
    pub model: Arc<dyn ChatModel>,
    /// Opens the credentials of people's integrations.
    pub credentials: Credentials,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

/// What an attempt gives.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeOutput {
    /// A value, by all ports that are not for errors.
    Value(Value),
    /// The input, by all ports that are not for errors.
    Input,
    /// The input, by one port.
    Port(String),
    /// The list of a loop.
    Items(Vec<Value>),
    /// Whether the condition of a while node holds.
    Round(bool),
    /// A wait.
    Wait(Wait),
    /// The start of an action of a domain, whose job the node waits for.
    Start {
        /// The name of the action.
        action: &'static str,
        /// What is to be done, as the action reads it.
        params: Value,
        /// When the node waits no longer.
        due: Option<Timestamp>,
    },
    /// A child run.
    Child {
        /// The workflow.
        workflow_id: WorkflowId,
        /// Its input. The node's input where it is absent.
        input: Option<Value>,
    },
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// The sort.
    pub kind: WaitKind,
    /// What a signal must be called.
    pub key: Option<String>,
    /// When the wait is over.
    pub due: Option<Timestamp>,
    /// What an approval asks, and whom.
    pub question: Option<Value>,
}

/// Why an attempt failed. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct NodeFailure {
    /// The stable name.
    pub code: String,
    /// What happened, for people.
    pub message: String,
    /// The HTTP status that the other side answered.
    pub status: Option<u16>,
    /// The pause that the other side asks for.
    pub retry_after: Option<Duration>,
    /// Whether another attempt may help, where the node knows.
    pub retryable: Option<bool>,
}

impl NodeFailure {
    /// A value that the node cannot work with.
    pub const DATA_INVALID: &'static str = "DATA_INVALID";
    /// A config that its type cannot read once its expressions are evaluated.
    pub const CONFIG_INVALID: &'static str = "CONFIG_INVALID";
    /// A list with more items than the node takes.
    pub const TOO_MANY_ITEMS: &'static str = "TOO_MANY_ITEMS";

    /// A failure of which the code decides whether another attempt may help.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: None, retry_after: None, retryable: None }
    }

    /// A failure that no other attempt helps.
    pub fn permanent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { retryable: Some(false), ..Self::new(code, message) }
    }

    /// A failure that another attempt may help.
    pub fn transient(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { retryable: Some(true), ..Self::new(code, message) }
    }

    /// Data that the node cannot work with.
    pub fn of_data(message: impl Into<String>) -> Self {
        Self::permanent(Self::DATA_INVALID, message)
    }

    /// A config that does not fit once its expressions are evaluated.
    #[must_use]
    pub fn of_config(fault: &ConfigFault) -> Self {
        let ConfigFault { pointer, message } = fault;
        Self::permanent(Self::CONFIG_INVALID, format!("{pointer}: {message}"))
    }

    /// A config that does not fit at a place.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::of_config(&ConfigFault::at(pointer, message))
    }

    /// The attempt ran longer than it may.
    #[must_use]
    pub fn timeout() -> Self {
        Self::transient("TIMEOUT", "The node ran longer than its timeout.")
    }
}

impl From<ExpressionError> for NodeFailure {
    fn from(error: ExpressionError) -> Self {
        Self::permanent(error.code(), error.to_string())
    }
}

/// Why an attempt gave nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptError {
    /// The attempt failed.
    Failed(NodeFailure),
    /// Its job has to run again, or waits.
    Again(JobError),
}

impl From<NodeFailure> for AttemptError {
    fn from(failure: NodeFailure) -> Self {
        Self::Failed(failure)
    }
}

impl From<ExpressionError> for AttemptError {
    fn from(error: ExpressionError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<JobError> for AttemptError {
    fn from(error: JobError) -> Self {
        Self::Again(error)
    }
}

impl From<atelier_queue::QueueError> for AttemptError {
    fn from(error: atelier_queue::QueueError) -> Self {
        Self::Again(error.into())
    }
}

impl From<sea_orm::DbErr> for AttemptError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Again(error.into())
    }
}
