//! The handlers, by domain. A domain's folder has a file for each of its kinds.

pub(crate) mod deployments;
pub(crate) mod generation;
pub(crate) mod mail;
pub(crate) mod maintenance;
pub(crate) mod stats;
