//! Decides what follows in a run, as a pure function.
//!
//! [`step`] takes a plan, the state of a run and one event, changes the state and returns the commands that its
//! caller carries out. It reads no clock, makes no random number and does not use the database.
//!
//! Flow is decided for each edge: an edge of a scope becomes taken or dead exactly once. A node runs once its
//! [`Join`](crate::graph::Join) is met, and is skipped once it cannot be met any more; the edges that leave a
//! skipped node are dead in turn. Empty data does not change the flow.
//!
//! A loop is a scope: each item has its own edges and node runs below the path of the item. The state is a
//! set of rows, so that only those that an event concerns have to be loaded; [`Rows`] says which.

mod admission;
mod again;
mod close;
mod endings;
mod error;
mod event;
mod flow;
mod join;
mod loops;
mod plan;
mod retry;
mod rows;
mod scope;
mod state;
mod step;
mod waits;

pub use admission::{Admission, Concurrency, Occupancy, WhenFull};
pub use atelier_entities::{CancelCause, ItemState, LoopClosing, NodeState, RunStatus, WaitKind};
pub use error::{Failure, NodeError, Refusal};
pub use event::{ChildEnd, Command, Event, NodeAt, Outcome, WaitRequest};
pub use join::{Arrived, JoinDecision, decide_join};
pub use plan::{EdgeId, NodeId, Plan, PlanError};
pub use retry::pause_before;
pub use rows::Rows;
pub use scope::{NotAScope, ScopePath, ScopeStep};
pub use state::{Changes, EdgeRun, ItemRun, LoopRun, NodeRun, Place, Run, Signal, State, Wait};
pub use step::{Moment, Step, may_spoil, step};

#[cfg(test)]
pub(crate) mod tests;
