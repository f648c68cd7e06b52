//! Views and inputs of projects and deployments.

pub(crate) mod attempt;
pub(crate) mod deployment;
pub(crate) mod project;
