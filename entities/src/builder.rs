//! Versions of generated applications, and their deployments.

pub mod deployments;
pub(crate) mod enums;
pub(crate) mod ids;
pub mod llm_attempts;
pub mod project_files;
pub mod project_messages;
pub mod project_versions;
pub mod published_sites;
