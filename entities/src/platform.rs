//! The installation as a whole.

pub mod platform_stats;
pub mod write_probes;
