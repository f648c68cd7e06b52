//! Views and inputs of workflows.

pub(crate) mod fault;
pub(crate) mod graph;
pub(crate) mod hook;
pub(crate) mod import;
pub(crate) mod integration;
pub(crate) mod node;
pub(crate) mod node_type;
pub(crate) mod policy;
pub(crate) mod run;
pub(crate) mod run_input;
pub(crate) mod run_node;
pub(crate) mod schedule;
pub(crate) mod schedule_input;
pub(crate) mod webhook;
pub(crate) mod workflow;
