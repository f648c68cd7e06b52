//! The audit log and its archives.

pub mod audit_archives;
pub mod audit_log;
pub mod audit_loose_objects;
