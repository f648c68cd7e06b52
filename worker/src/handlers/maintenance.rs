//! Kinds of the domain `maintenance`.

pub(crate) mod archive_audit;
pub(crate) mod erase_archived;
pub(crate) mod purge_expired;
pub(crate) mod purge_jobs;
pub(crate) mod remove_objects;
pub(crate) mod steer_jobs;
