//! Runs of workflows: their rows, their jobs, and what people do with them.

mod jobs;
mod result;

pub mod execute;

pub use execute::Execution;
pub use jobs::{RunNode, StartRun, WakeNode};
pub use result::{ChildRequest, NodeResult, Stored, WorkOutcome};
