use std::path::PathBuf;

use clap::{Args, value_parser};
use serde::Serialize;

/// How to measure workflows.
#[derive(Args, Clone, Debug, Serialize)]
pub(in crate::measure) struct WorkflowsArgs {
    /// Steps of the chain that runs alone.
    #[arg(long, default_value_t = 40, value_name = "COUNT", value_parser = value_parser!(u16).range(1..=400))]
    pub(in crate::measure) chain: u16,
    /// Runs of the chain and of the fan-out, one after the other.
    #[arg(long, default_value_t = 30, value_name = "COUNT", value_parser = value_parser!(u16).range(1..))]
    pub(in crate::measure) samples: u16,
    /// Runs that are started together.
    #[arg(long, default_value_t = 400, value_name = "COUNT", value_parser = value_parser!(u16).range(1..))]
    pub(in crate::measure) load_runs: u16,
    /// Steps of each of them.
    #[arg(long, default_value_t = 10, value_name = "COUNT", value_parser = value_parser!(u16).range(1..=400))]
    pub(in crate::measure) load_chain: u16,
    /// Branches of the fan-out.
    #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = value_parser!(u16).range(1..=100))]
    pub(in crate::measure) fan: u16,
    /// Items of the loop.
    #[arg(long, default_value_t = 10_000, value_name = "COUNT", value_parser = value_parser!(u16).range(1..=10_000))]
    pub(in crate::measure) items: u16,
    /// Items under way at once.
    #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = value_parser!(u16).range(1..=50))]
    pub(in crate::measure) concurrency: u16,
    /// Does not measure n8n.
    #[arg(long)]
    pub(in crate::measure) no_peers: bool,
    /// Folder that n8n is installed in and kept.
    #[arg(long, env = "ATELIER_BENCH_CACHE", value_name = "FOLDER")]
    pub(in crate::measure) cache: Option<PathBuf>,
}

impl Default for WorkflowsArgs {
    fn default() -> Self {
        Self {
            chain: 40,
            samples: 30,
            load_runs: 400,
            load_chain: 10,
            fan: 50,
            items: 10_000,
            concurrency: 50,
            no_peers: false,
            cache: None,
        }
    }
}
