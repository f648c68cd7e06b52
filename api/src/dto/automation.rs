//! Views and inputs of workflows.

pub(crate) mod fault;
pub(crate) mod graph;
pub(crate) mod node;
pub(crate) mod policy;
pub(crate) mod workflow;
