//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;
use serde::Serialize;

use crate::servers::{programs::Places, warden::WardenArgs};

const EXAMPLES: &str = "\
Examples:
  atelier-bench quick                                   everything, small, in about a minute
  atelier-bench drain --queues 6 --owners 1000          fair turns over six queues
  atelier-bench drain --finished-rows 1000000 --json d.json
  atelier-bench drain --workers 2 --millis 10 --concurrency 8

Figures of a build without --release say nothing.";

/// Measures the job queue: starts a PostgreSQL and a Redis in a folder of their own
/// and on free ports, gives the queue work, and prints what it did in each run's
/// median, minimum and maximum.
#[derive(Debug, Parser)]
#[command(name = "atelier-bench", version, after_help = EXAMPLES)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Jobs enqueued in a second: one at a time, by many callers, in bulk.
    Enqueue(Measure<EnqueueArgs>),
    /// Waiting jobs that worker processes finish in a second.
    Drain(Measure<DrainArgs>),
    /// From the commit of a job to the first line of its handler, on an idle worker.
    Latency(Measure<LatencyArgs>),
    /// Enqueue, drain and latency on SQLite and the in-process transport.
    Embedded(Measure<EmbeddedArgs>),
    /// All of them, small: whether they work, not how fast.
    Quick(Measure<QuickArgs>),
    /// A worker process of a run.
    #[command(hide = true)]
    Worker(WorkerArgs),
    /// Cleans up after a run that was killed.
    #[command(hide = true)]
    Warden(WardenArgs),
}

/// What every measurement takes, around what it takes of its own.
#[derive(Args, Clone, Debug)]
pub(super) struct Measure<T: Args> {
    #[command(flatten)]
    pub(super) own: T,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

/// How to run.
#[derive(Args, Clone, Debug)]
pub(super) struct RunArgs {
    /// How often each figure is taken [default: 5; quick: 1].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    runs: Option<u16>,
    /// Writes versions, configuration and figures as JSON to this file.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Folder of initdb, pg_ctl and postgres; looked for where it is left out.
    #[arg(long, env = "ATELIER_BENCH_POSTGRES_BIN", value_name = "FOLDER")]
    postgres_bin: Option<PathBuf>,
    /// The program redis-server; looked for where it is left out.
    #[arg(long, env = "ATELIER_BENCH_REDIS_SERVER", value_name = "FILE")]
    redis_server: Option<PathBuf>,
}

impl RunArgs {
    /// How often each figure is taken.
    pub(super) fn runs(&self, default: u16) -> u16 {
        self.runs.unwrap_or(default)
    }

    /// Where PostgreSQL and Redis were said to be.
    pub(super) fn places(&self) -> Places {
        Places { postgres_bin: self.postgres_bin.clone(), redis_server: self.redis_server.clone() }
    }
}

/// Rows that lie in the table before anything is measured.
#[derive(Args, Clone, Copy, Debug, Default, Serialize)]
pub(super) struct RowsArgs {
    /// Jobs that ended earlier and are kept.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub(super) finished_rows: u64,
    /// Jobs of the first queue that wait behind all others.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub(super) waiting_rows: u64,
}

/// How to enqueue.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub(super) struct EnqueueArgs {
    /// Jobs enqueued one at a time; ten times as many by callers and in bulk.
    #[arg(long, default_value_t = 5_000, value_name = "COUNT")]
    pub(super) jobs: usize,
    /// Concurrent callers.
    #[arg(long, default_value_t = 64, value_name = "COUNT")]
    pub(super) callers: usize,
    /// Jobs of one bulk enqueue.
    #[arg(long, default_value_t = 1_000, value_name = "COUNT")]
    pub(super) bulk: usize,
    /// Connections to PostgreSQL.
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    pub(super) connections: u32,
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) rows: RowsArgs,
}

/// How to drain.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub(super) struct DrainArgs {
    /// Jobs that wait when the workers start.
    #[arg(long, default_value_t = 50_000, value_name = "COUNT")]
    pub(super) jobs: usize,
    /// Jobs that one worker process runs at the same time, over all its queues.
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    pub(super) concurrency: usize,
    /// Queues that the jobs are spread over.
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=6))]
    pub(super) queues: u8,
    /// Owners that the jobs are spread over; 0 leaves them without.
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pub(super) owners: usize,
    /// Worker processes.
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(super) workers: u8,
    /// Milliseconds that each job takes.
    #[arg(long, default_value_t = 0, value_name = "MILLIS")]
    pub(super) millis: u64,
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) rows: RowsArgs,
}

/// How to measure latency.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub(super) struct LatencyArgs {
    /// Jobs, one each 5 milliseconds.
    #[arg(long, default_value_t = 2_000, value_name = "COUNT")]
    pub(super) jobs: usize,
    /// Seconds during which an idle worker's Redis commands are counted.
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) idle_secs: u64,
}

/// How to measure an embedded instance's queue.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub(super) struct EmbeddedArgs {
    /// Jobs enqueued one at a time; ten times as many by callers, in bulk and to be
    /// drained.
    #[arg(long, default_value_t = 2_000, value_name = "COUNT")]
    pub(super) jobs: usize,
    /// Jobs that the worker runs at the same time while it drains.
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    pub(super) concurrency: usize,
    /// Jobs whose latency is taken, one each 5 milliseconds.
    #[arg(long, default_value_t = 2_000, value_name = "COUNT")]
    pub(super) latency_jobs: usize,
}

/// Nothing of its own.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub(super) struct QuickArgs {}

/// What a worker process of a run is told.
#[derive(Args, Clone, Debug)]
pub(super) struct WorkerArgs {
    /// Its database.
    #[arg(long, env = "ATELIER_BENCH_DATABASE_URL", hide_env_values = true)]
    pub(super) database_url: SecretString,
    /// Its Redis.
    #[arg(long, env = "ATELIER_BENCH_REDIS_URL", hide_env_values = true)]
    pub(super) redis_url: SecretString,
    /// Jobs run at the same time, over all its queues.
    #[arg(long)]
    pub(super) concurrency: usize,
    /// Queues it serves.
    #[arg(long)]
    pub(super) queues: u8,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn refuses_what_cannot_be_measured() {
        for line in ["drain --queues 7", "drain --workers 0", "latency --runs 0", "latency --idle-secs 0"] {
            let words = ["atelier-bench"].into_iter().chain(line.split_whitespace());
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }
}
