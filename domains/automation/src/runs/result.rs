use atelier_entities::{Timestamp, WaitKind, WorkflowId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The result of the job of an attempt: what the effect of its end reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeResult {
    /// How the attempt ended.
    pub outcome: WorkOutcome,
    /// What the node gives to those that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Stored>,
}

/// A value that is kept with its row where it is small, and in the object store where it is
/// large.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// The value, if it is small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Its key in the object store, if it is large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The bytes that it has as JSON.
    pub bytes: u64,
    /// Whether another row named the object before: it was passed on, and takes no more room.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

impl Stored {
    /// A small value.
    #[must_use]
    pub fn inline(value: Value) -> Self {
        let bytes = value.to_string().len() as u64;
        Self { value: Some(value), object: None, bytes, shared: false }
    }

    /// A large value that was put into the object store.
    #[must_use]
    pub const fn object(key: String, bytes: u64) -> Self {
        Self { value: None, object: Some(key), bytes, shared: false }
    }

    /// The bytes by which what is kept of a run grows.
    #[must_use]
    pub const fn new_bytes(&self) -> u64 {
        if self.shared { 0 } else { self.bytes }
    }
}

/// How an attempt ended, if it did not fail. A failed attempt fails its job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkOutcome {
    /// The work is done. A node that chooses names the port.
    Done {
        /// The port; all that are not for errors where it is absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<String>,
    },
    /// The list of a loop, evaluated: it is the output.
    Items {
        /// How many items, or batches.
        count: u32,
    },
    /// The condition of a while node, evaluated.
    Round {
        /// Whether it holds.
        holds: bool,
    },
    /// The node waits.
    Wait {
        /// What for.
        kind: WaitKind,
        /// What a signal must be called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// When the wait is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
        /// What an approval asks, and whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<Value>,
    },
    /// A child run is to start.
    Child(ChildRequest),
    /// An action of a domain is to start. The node waits for the end of its job.
    Start(ActionStart),
    /// The run is paused or has ended: nothing was done.
    Held,
}

/// The child run that a node asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChildRequest {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// Its input.
    pub input: Stored,
}

/// The action that a node asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionStart {
    /// Its name.
    pub action: String,
    /// What is to be done, as the action reads it.
    pub params: Value,
    /// When the node waits no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
}
