//! Views and inputs of projects, versions and deployments.

pub(crate) mod attempt;
pub(crate) mod deployment;
pub(crate) mod project;
pub(crate) mod version;
