//! Workflows and their versions.

pub mod versions;
