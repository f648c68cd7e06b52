//! Whether a node runs, given what arrived at it.

use crate::graph::Join;

/// How many inbound edges there are, and how they were decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// All inbound edges.
    pub edges: u32,
    /// Those that were taken.
    pub taken: u32,
    /// Those that are dead.
    pub dead: u32,
}

/// What follows from what arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinDecision {
    /// More has to arrive.
    Wait,
    /// The node runs.
    Run,
    /// The node never runs in this scope.
    Skip,
}

/// Whether a node runs.
#[must_use]
pub const fn decide_join(join: Join, arrived: Arrived) -> JoinDecision {
    let Arrived { edges, taken, dead } = arrived;
    let needed = match join {
        Join::All if taken + dead < edges => return JoinDecision::Wait,
        Join::All | Join::Any { .. } => 1,
        Join::Quorum { count, .. } => count,
    };
    if taken >= needed {
        JoinDecision::Run
    } else if edges - dead < needed {
        JoinDecision::Skip
    } else {
        JoinDecision::Wait
    }
}
