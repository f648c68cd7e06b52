//! The state of a run, as the rows that it is kept in.

use std::collections::{BTreeMap, BTreeSet};

use atelier_entities::{CancelCause, ItemState, LoopClosing, NodeState, RunStatus, WaitKind};
use chrono::{DateTime, Utc};

use super::{EdgeId, Failure, NodeError, NodeId, ScopePath};

/// The row of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The state.
    pub status: RunStatus,
    /// Whether it was paused.
    pub paused: bool,
    /// How often it was retried after its end.
    pub generation: u32,
    /// How many node runs are ready, running or about to be repeated.
    pub working: u32,
    /// How many node runs wait.
    pub waiting: u32,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it was accepted. Older signals are not for it.
    pub accepted_at: DateTime<Utc>,
    /// Whether it runs an error workflow, which has none itself.
    pub handles_error: bool,
}

/// The row of a node in a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRun {
    /// The state.
    pub state: NodeState,
    /// How often the run had been retried when the node became ready.
    pub generation: u32,
    /// The round of a while node.
    pub round: u32,
    /// The current attempt, from 1. 0 where there was none.
    pub attempt: u32,
    /// The port that it left by.
    pub port: Option<String>,
    /// Whether it passed its input on.
    pub passed: bool,
    /// Why its last attempt failed.
    pub error: Option<NodeError>,
    /// Whether the failure left by an edge, so that the scope goes on.
    pub handled: bool,
    /// When the next attempt is due.
    pub retry_at: Option<DateTime<Utc>>,
    /// Why it was cancelled.
    pub cause: Option<CancelCause>,
}

impl NodeRun {
    pub(super) const fn new(state: NodeState, generation: u32) -> Self {
        Self {
            state,
            generation,
            round: 0,
            attempt: 0,
            port: None,
            passed: false,
            error: None,
            handled: false,
            retry_at: None,
            cause: None,
        }
    }

    /// Whether it failed and nothing in its scope took the error.
    #[must_use]
    pub fn is_unhandled_failure(&self) -> bool {
        self.state == NodeState::Failed && !self.handled
    }
}

/// The row of a decided edge in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeRun {
    /// Whether it was taken. Otherwise it is dead.
    pub taken: bool,
    /// Whether it carries the error of its source in place of an output.
    pub error: bool,
    /// Whether the node that it leads to had been decided before.
    pub late: bool,
}

/// The row of a loop in a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoopRun {
    /// How many items there are. Nothing for a while node.
    pub total: Option<u32>,
    /// The item that starts next.
    pub next: u32,
    /// How many items are under way.
    pub active: u32,
    /// How many of these only wait.
    pub parked: u32,
    /// How many failed.
    pub failed: u32,
    /// How many are to run again.
    pub queued: u32,
    /// Why no more items start.
    pub closing: Option<LoopClosing>,
}

/// The row of an item of a loop.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemRun {
    /// The state.
    pub state: ItemState,
    /// How many node runs in it are ready, running or about to be repeated.
    pub working: u32,
    /// How many node runs in it wait.
    pub waiting: u32,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Why it was cancelled.
    pub cause: Option<CancelCause>,
}

impl ItemRun {
    /// Whether all that is under way in it waits.
    #[must_use]
    pub const fn is_parked(&self) -> bool {
        self.working == 0 && self.waiting > 0
    }
}

/// The row of a wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The code.
    pub kind: WaitKind,
    /// What a signal must be called.
    pub key: Option<String>,
    /// When it is over.
    pub due: Option<DateTime<Utc>>,
    /// When it began. Of two waits for a signal the older one gets it.
    pub opened_at: DateTime<Utc>,
    /// Whether nobody waits any more.
    pub closed: bool,
    /// Whether its time came while the run was paused.
    pub held: bool,
}

/// The row of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// What waits look for.
    pub key: String,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// The node that took it.
    pub taken_by: Option<(ScopePath, NodeId)>,
}

/// A node in a scope.
pub type Place = (ScopePath, NodeId);

/// The rows that a step wrote. A key without a row in the state means that the row was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether the row of the run changed.
    pub run: bool,
    /// Rows of nodes.
    pub nodes: BTreeSet<(ScopePath, NodeId)>,
    /// Rows of edges.
    pub edges: BTreeSet<(ScopePath, EdgeId)>,
    /// Rows of loops.
    pub loops: BTreeSet<(ScopePath, NodeId)>,
    /// Rows of items.
    pub items: BTreeSet<ScopePath>,
    /// Rows of waits.
    pub waits: BTreeSet<(ScopePath, NodeId)>,
    /// Rows of signals, by their ids.
    pub signals: BTreeSet<String>,
}

/// The rows of a run, or those that an event needs.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The run.
    pub run: Run,
    /// The nodes that are not undecided.
    pub nodes: BTreeMap<(ScopePath, NodeId), NodeRun>,
    /// The edges that are decided.
    pub edges: BTreeMap<(ScopePath, EdgeId), EdgeRun>,
    /// The loops whose list or condition was evaluated.
    pub loops: BTreeMap<(ScopePath, NodeId), LoopRun>,
    /// The items that were started.
    pub items: BTreeMap<ScopePath, ItemRun>,
    /// The last wait of each node.
    pub waits: BTreeMap<(ScopePath, NodeId), Wait>,
    /// The signals, by their ids.
    pub signals: BTreeMap<String, Signal>,
}

impl State {
    /// A run that was accepted and has not begun.
    #[must_use]
    pub const fn new(accepted_at: DateTime<Utc>) -> Self {
        Self {
            run: Run {
                status: RunStatus::Queued,
                paused: false,
                generation: 0,
                working: 0,
                waiting: 0,
                failure: None,
                accepted_at,
                handles_error: false,
            },
            nodes: BTreeMap::new(),
            edges: BTreeMap::new(),
            loops: BTreeMap::new(),
            items: BTreeMap::new(),
            waits: BTreeMap::new(),
            signals: BTreeMap::new(),
        }
    }

    /// The row of a node.
    #[must_use]
    pub fn node(&self, scope: &ScopePath, node: NodeId) -> Option<&NodeRun> {
        self.nodes.get(&(scope.clone(), node))
    }

    /// The row of an edge.
    #[must_use]
    pub fn edge(&self, scope: &ScopePath, edge: EdgeId) -> Option<&EdgeRun> {
        self.edges.get(&(scope.clone(), edge))
    }

    /// Whether a node is decided: nothing more happens to it.
    #[must_use]
    pub fn is_decided(&self, scope: &ScopePath, node: NodeId) -> bool {
        self.node(scope, node).is_some_and(|row| row.state.is_final())
    }
}
