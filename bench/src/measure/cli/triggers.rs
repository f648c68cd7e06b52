use clap::{Args, value_parser};
use serde::Serialize;

/// How to measure what starts runs by itself.
#[derive(Args, Clone, Debug, Serialize)]
pub(in crate::measure) struct TriggersArgs {
    /// Schedules that are due in the same second.
    #[arg(long, default_value_t = 10_000, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=100_000))]
    pub(in crate::measure) schedules: u32,
    /// Workflows that they start.
    #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=50))]
    pub(in crate::measure) workflows: u32,
    /// Scheduler processes.
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = value_parser!(u8).range(1..=8))]
    pub(in crate::measure) schedulers: u8,
}

impl Default for TriggersArgs {
    fn default() -> Self {
        Self { schedules: 10_000, workflows: 20, schedulers: 2 }
    }
}
