use std::path::PathBuf;

use clap::{Args, value_parser};
use serde::Serialize;

/// How to measure what starts runs by itself, and deliveries.
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
    /// Calls of a webhook in a second.
    #[arg(long, default_value_t = 200, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=1_000))]
    pub(in crate::measure) rate: u32,
    /// Seconds of calls.
    #[arg(long, default_value_t = 20.0, value_name = "SECONDS")]
    pub(in crate::measure) secs: f64,
    /// Deliveries of webhooks: as many runs as that takes end.
    #[arg(long, default_value_t = 10_000, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=100_000))]
    pub(in crate::measure) deliveries: u32,
    /// Subscriptions that each run is delivered to.
    #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = value_parser!(u32).range(1..=20))]
    pub(in crate::measure) subscriptions: u32,
    /// Does not call n8n.
    #[arg(long)]
    pub(in crate::measure) no_peers: bool,
    /// Folder that n8n is installed in and kept.
    #[arg(long, env = "ATELIER_BENCH_CACHE", value_name = "FOLDER")]
    pub(in crate::measure) cache: Option<PathBuf>,
}

impl Default for TriggersArgs {
    fn default() -> Self {
        Self {
            schedules: 10_000,
            workflows: 20,
            schedulers: 2,
            rate: 200,
            secs: 20.0,
            deliveries: 10_000,
            subscriptions: 20,
            no_peers: false,
            cache: None,
        }
    }
}
