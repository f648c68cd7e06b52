//! Workflows and their versions, as rows.

pub mod versions;
