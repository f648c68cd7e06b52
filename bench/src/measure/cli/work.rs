//! Arguments of each measurement.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

/// Rows that the table holds before the measurement.
#[derive(Args, Clone, Copy, Debug, Default, Serialize)]
pub(in crate::measure) struct RowsArgs {
    /// Jobs that have ended before and are kept.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub(in crate::measure) finished_rows: u64,
    /// Jobs of the first queue that wait behind all others.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub(in crate::measure) waiting_rows: u64,
}

/// How to enqueue.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub(in crate::measure) struct EnqueueArgs {
    /// Jobs enqueued one at a time; ten times as many by callers and in bulk.
    #[arg(long, default_value_t = 5_000, value_name = "COUNT")]
    pub(in crate::measure) jobs: usize,
    /// Concurrent callers.
    #[arg(long, default_value_t = 64, value_name = "COUNT")]
    pub(in crate::measure) callers: usize,
    /// Jobs of one bulk enqueue.
    #[arg(long, default_value_t = 1_000, value_name = "COUNT")]
    pub(in crate::measure) bulk: usize,
    /// Connections to PostgreSQL.
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    pub(in crate::measure) connections: u32,
    /// Through HTTP with authentication, in place of the library; a tenth of the jobs
    /// one at a time, and as many as --jobs by callers.
    #[arg(long)]
    pub(in crate::measure) http: bool,
    #[command(flatten)]
    #[serde(flatten)]
    pub(in crate::measure) rows: RowsArgs,
}

/// Concurrency at which one worker process drains empty jobs fastest.
const BEST: usize = 1_000;

/// How to drain.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub(in crate::measure) struct DrainArgs {
    /// Jobs that wait when the workers start.
    #[arg(long, default_value_t = 50_000, value_name = "COUNT")]
    pub(in crate::measure) jobs: usize,
    /// Jobs that one worker process runs at the same time, over all its queues.
    #[arg(long, default_value_t = BEST, value_name = "COUNT")]
    pub(in crate::measure) concurrency: usize,
    /// Queues that the jobs are spread over.
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=6))]
    pub(in crate::measure) queues: u8,
    /// Owners that the jobs are spread over; 0 leaves them without.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub(in crate::measure) owners: usize,
    /// Worker processes.
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(in crate::measure) workers: u8,
    /// Milliseconds that each job takes.
    #[arg(long, default_value_t = 0, value_name = "MILLIS")]
    pub(in crate::measure) millis: u64,
    /// The end of each job has an effect: it writes a row. The jobs are of one queue and do
    /// nothing else.
    #[arg(long, conflicts_with_all = ["queues", "millis"])]
    pub(in crate::measure) effects: bool,
    #[command(flatten)]
    #[serde(flatten)]
    pub(in crate::measure) rows: RowsArgs,
    /// The same work spread over 6 queues, spread over 1,000 owners, beside a million
    /// finished rows, before a million waiting ones, and with an effect each, as well.
    #[arg(long)]
    pub(in crate::measure) variants: bool,
}

impl DrainArgs {
    /// 50,000 jobs that do nothing, on an empty table.
    pub(in crate::measure) const PLAIN: Self = Self {
        jobs: 50_000,
        concurrency: BEST,
        queues: 1,
        owners: 0,
        workers: 1,
        millis: 0,
        effects: false,
        rows: RowsArgs { finished_rows: 0, waiting_rows: 0 },
        variants: false,
    };
}

/// How to measure latency.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub(in crate::measure) struct LatencyArgs {
    /// Jobs, one every 5 milliseconds.
    #[arg(long, default_value_t = 2_000, value_name = "COUNT")]
    pub(in crate::measure) jobs: usize,
    /// Seconds during which an idle worker's Redis commands are counted.
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::measure) idle_secs: u64,
    /// From the HTTP request to the SSE event of completion, in place of the library;
    /// a tenth of the jobs, one after the other.
    #[arg(long)]
    pub(in crate::measure) http: bool,
}

/// How to measure an embedded instance's queue.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub(in crate::measure) struct EmbeddedArgs {
    /// Jobs enqueued one at a time; ten times as many by callers, in bulk and to be
    /// drained.
    #[arg(long, default_value_t = 2_000, value_name = "COUNT")]
    pub(in crate::measure) jobs: usize,
    /// Jobs that the worker runs at the same time while it drains.
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    pub(in crate::measure) concurrency: usize,
    /// Jobs whose latency is measured, one every 5 milliseconds.
    #[arg(long, default_value_t = 2_000, value_name = "COUNT")]
    pub(in crate::measure) latency_jobs: usize,
}

/// How to measure generations.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub(in crate::measure) struct GenerationsArgs {
    /// Generations at the same time.
    #[arg(long, default_value_t = 64, value_name = "COUNT")]
    pub(in crate::measure) generations: usize,
    /// Size of each application.
    #[arg(long, default_value_t = 200, value_name = "KIB")]
    pub(in crate::measure) kib: usize,
}

/// The smoke test takes no arguments of its own.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub(in crate::measure) struct QuickArgs {}

/// How to measure scale.
#[derive(Args, Clone, Debug, Serialize)]
pub(in crate::measure) struct ScaleArgs {
    /// Milliseconds that each job takes.
    #[arg(long, default_values_t = [0, 1, 10, 100], value_delimiter = ',', value_name = "MILLIS")]
    pub(in crate::measure) millis: Vec<u64>,
    /// Jobs that a worker runs at the same time.
    #[arg(long, default_values_t = [1, 8, 64, 256], value_delimiter = ',', value_name = "COUNT")]
    pub(in crate::measure) concurrency: Vec<usize>,
    /// Numbers of worker processes; the others are compared with the first.
    #[arg(long, default_values_t = [1, 2, 4], value_delimiter = ',', value_name = "COUNT")]
    pub(in crate::measure) workers: Vec<u8>,
    /// Seconds of a drain that is limited by the jobs' own duration.
    #[arg(long, default_value_t = 0.5, value_name = "SECONDS")]
    pub(in crate::measure) secs: f64,
}

/// How to measure cost.
#[derive(Args, Clone, Debug, Serialize)]
pub(in crate::measure) struct CostArgs {
    /// Jobs that are enqueued and run.
    #[arg(long, default_value_t = 20_000, value_name = "COUNT")]
    pub(in crate::measure) jobs: usize,
    /// Jobs that the worker runs at the same time.
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    pub(in crate::measure) concurrency: usize,
    /// Jobs that wait behind them.
    #[arg(long, default_values_t = [10_000, 100_000, 1_000_000], value_delimiter = ',', value_name = "COUNT")]
    pub(in crate::measure) backlogs: Vec<u64>,
    /// Seconds for which an idle embedded instance is watched.
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::measure) idle_secs: u64,
    /// Largest number of runs that watch it.
    #[arg(long, default_value_t = 2, value_name = "COUNT")]
    pub(in crate::measure) idle_runs: u16,
}

/// The database that the product runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(in crate::measure) enum Engine {
    /// PostgreSQL with Redis, and the API in a process of its own.
    Postgres,
    /// SQLite, and every role in one process.
    Sqlite,
}

impl Engine {
    /// Prefix of the names of figures.
    pub(in crate::measure) const fn prefix(self) -> &'static str {
        match self {
            Self::Postgres => "",
            Self::Sqlite => "embedded ",
        }
    }
}

/// How to measure the API.
#[derive(Args, Clone, Debug, Serialize)]
pub(in crate::measure) struct ApiArgs {
    /// Connections, each of which sends the next request once it has a response.
    #[arg(long, default_value_t = 32, value_name = "COUNT")]
    pub(in crate::measure) connections: usize,
    /// Seconds of load on each route.
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS")]
    pub(in crate::measure) secs: f64,
    /// Projects in the list.
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    pub(in crate::measure) projects: usize,
    /// Generation requests to each server.
    #[arg(long, default_value_t = 2_000, value_name = "COUNT")]
    pub(in crate::measure) generations: usize,
    /// Databases to measure on.
    #[arg(long, default_values_t = [Engine::Postgres, Engine::Sqlite], value_delimiter = ',', value_enum, value_name = "DATABASES")]
    pub(in crate::measure) on: Vec<Engine>,
}

/// How to compare with other queues.
#[derive(Args, Clone, Debug, Serialize)]
pub(in crate::measure) struct PeersArgs {
    /// Jobs that wait to be drained.
    #[arg(long, default_value_t = 50_000, value_name = "COUNT")]
    pub(in crate::measure) jobs: usize,
    /// Jobs enqueued one at a time.
    #[arg(long, default_value_t = 2_000, value_name = "COUNT")]
    pub(in crate::measure) singles: usize,
    /// Jobs whose latency is measured, one every 5 milliseconds.
    #[arg(long, default_value_t = 200, value_name = "COUNT")]
    pub(in crate::measure) latencies: usize,
    /// Jobs that Atelier's worker runs at the same time.
    #[arg(long, default_value_t = BEST, value_name = "COUNT")]
    pub(in crate::measure) concurrency: usize,
    /// Only the queues of these packages.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(in crate::measure) only: Vec<String>,
    /// Folder that the packages are installed in and kept.
    #[arg(long, env = "ATELIER_BENCH_CACHE", value_name = "FOLDER")]
    pub(in crate::measure) cache: Option<PathBuf>,
}

/// How to measure everything.
#[derive(Args, Clone, Debug, Serialize)]
pub(in crate::measure) struct AllArgs {
    /// Does not measure other queues.
    #[arg(long)]
    pub(in crate::measure) no_peers: bool,
    /// Folder that the other queues are installed in and kept.
    #[arg(long, env = "ATELIER_BENCH_CACHE", value_name = "FOLDER")]
    pub(in crate::measure) cache: Option<PathBuf>,
}

impl Default for ScaleArgs {
    fn default() -> Self {
        Self {
            millis: vec![0, 1, 10, 100],
            concurrency: vec![1, 8, 64, 256],
            workers: vec![1, 2, 4],
            secs: 0.5,
        }
    }
}

impl Default for CostArgs {
    fn default() -> Self {
        Self {
            jobs: 20_000,
            concurrency: 100,
            backlogs: vec![10_000, 100_000, 1_000_000],
            idle_secs: 20,
            idle_runs: 2,
        }
    }
}

impl Default for ApiArgs {
    fn default() -> Self {
        Self {
            connections: 32,
            secs: 2.0,
            projects: 20,
            generations: 2_000,
            on: vec![Engine::Postgres, Engine::Sqlite],
        }
    }
}

impl Default for PeersArgs {
    fn default() -> Self {
        Self {
            jobs: 50_000,
            singles: 2_000,
            latencies: 200,
            concurrency: BEST,
            only: Vec::new(),
            cache: None,
        }
    }
}
