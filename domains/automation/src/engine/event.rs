//! What happens to a run, and what it wants done.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Failure, NodeError, NodeId, RunStatus, ScopePath, WaitKind};
use crate::graph::node_type::ParentCancel;

/// One attempt of one node in one scope. It is the key of the attempt's job, and the fence of its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeAt {
    /// The scope.
    pub scope: ScopePath,
    /// The node.
    pub node: NodeId,
    /// How often the run had been retried when the node became ready.
    pub generation: u32,
    /// The round of a while node; 0 elsewhere.
    pub round: u32,
    /// The attempt, from 1.
    pub attempt: u32,
}

/// What happens to a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The run begins with this trigger.
    Start {
        /// The trigger that fired.
        trigger: NodeId,
    },
    /// A worker took an attempt.
    Started(NodeAt),
    /// An attempt ended.
    Ended(NodeAt, Outcome),
    /// The time of a wait has come.
    Wake(NodeAt),
    /// A person decided about an approval.
    Decided(NodeAt, bool),
    /// A signal was sent to the run.
    Signal {
        /// Names the signal, so that it is taken once.
        id: String,
        /// What waits look for.
        key: String,
        /// When it was sent.
        sent_at: DateTime<Utc>,
    },
    /// A child run ended.
    ChildEnded(NodeAt, ChildEnd),
    /// The job that an attempt started and waits for ended, with the error if it did not succeed.
    JobEnded(NodeAt, Option<NodeError>),
    /// Nothing new is to start.
    Pause,
    /// What was held back starts.
    Resume,
    /// The run is to end now.
    Cancel,
    /// The run took longer than it may.
    TimedOut,
    /// What failed in an ended run runs again, and what was not run because of it.
    RetryFailed,
    /// The failed items of a loop run again, and what follows the loop.
    RetryItems {
        /// The scope that the loop lies in.
        scope: ScopePath,
        /// The loop.
        node: NodeId,
    },
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The work is done. A node that chooses names the port.
    Done {
        /// The port, or all that are not for errors.
        port: Option<String>,
    },
    /// The list of a loop has so many items, or batches.
    Items {
        /// The number.
        count: u32,
    },
    /// The condition of a while node was evaluated.
    Round {
        /// Whether it holds.
        holds: bool,
    },
    /// The node waits.
    Wait(WaitRequest),
    /// A child run is to start.
    Child,
    /// The attempt failed.
    Failed(NodeError),
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitRequest {
    /// The kind of the wait.
    pub kind: WaitKind,
    /// What a signal must be called.
    pub key: Option<String>,
    /// When the wait is over.
    pub due: Option<DateTime<Utc>>,
}

/// How a child run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildEnd {
    /// It succeeded.
    Succeeded,
    /// It failed, or timed out.
    Failed(Failure),
    /// It was cancelled.
    Cancelled,
}

/// What the caller has to do after a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Enqueue the job of an attempt. The same attempt may be named again; its job is unique.
    StartNode {
        /// The attempt.
        at: NodeAt,
        /// The earliest moment.
        not_before: Option<DateTime<Utc>>,
        /// The longest time of the attempt.
        timeout: Duration,
    },
    /// Cancel the job of an attempt, whether it runs or is queued.
    CancelNode(NodeAt),
    /// Store a wait, and a job that ends it if it has a time.
    OpenWait(NodeAt, WaitRequest),
    /// The wait is over: cancel the job that would end it.
    CloseWait(NodeAt),
    /// Nobody waits for the job that an attempt started any more: cancel it.
    CancelJob(NodeAt),
    /// Start the child run of an attempt: one for each.
    StartChild(NodeAt),
    /// Tell a child run that its parent's node was cancelled.
    CancelChild(NodeAt, ParentCancel),
    /// The run has ended.
    EndRun {
        /// How.
        status: RunStatus,
        /// Why, if it failed.
        failure: Option<Failure>,
    },
    /// Start the error workflow, if the workflow has one.
    StartErrorWorkflow(Failure),
}
