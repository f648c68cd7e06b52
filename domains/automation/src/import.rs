//! Workflows of other programs, made into ours.

pub mod n8n;
