//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;

mod triggers;
mod work;
mod workflows;

pub(super) use triggers::TriggersArgs;
pub(super) use work::{
    AllArgs, ApiArgs, CostArgs, DrainArgs, EmbeddedArgs, Engine, EnqueueArgs, GenerationsArgs, LatencyArgs,
    PeersArgs, QuickArgs, RowsArgs, ScaleArgs,
};
pub(super) use workflows::WorkflowsArgs;

use crate::{
    servers::{programs::Places, reaper::ReaperArgs},
    yardstick::YardstickArgs,
};

const EXAMPLES: &str = "\
Examples:
  atelier-bench quick                                   everything, small, in about two minutes
  atelier-bench all --markdown measured.md              everything in full, in about forty minutes
  atelier-bench drain --queues 6 --owners 1000          fair turns over six queues
  atelier-bench drain --finished-rows 1000000 --json d.json
  atelier-bench drain --effects                         the end of each job writes a row
  atelier-bench drain --variants                        a drain on other tables and queues, one table
  atelier-bench peers --only bullmq,riverqueue          beside other queues, in turns

Figures of a build without --profile dist say little about speed.";

/// Measures the queue and the API: starts a PostgreSQL and a Redis in a folder of their own
/// and on free ports, and prints the median, the minimum and the maximum of each figure.
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
    /// Time from the commit of a job to the start of its handler, on an idle worker.
    Latency(Measure<LatencyArgs>),
    /// Enqueue, drain and latency on SQLite and the in-process transport.
    Embedded(Measure<EmbeddedArgs>),
    /// Throughput by workers, slots and duration of jobs.
    Scale(Measure<ScaleArgs>),
    /// Cost of a job in processor time, statements, commands and bytes.
    Cost(Measure<CostArgs>),
    /// Requests that the API answers in a second, compared with a server that answers a
    /// constant and with one that is written by hand for the same answers.
    Api(Measure<ApiArgs>),
    /// Runs of workflows: overhead of a step, node runs in a second, a fan-out, a loop; the
    /// same work on n8n, in turns.
    Workflows(Measure<WorkflowsArgs>),
    /// Schedules that are due in the same second, calls of a webhook, and deliveries to a server
    /// that fails a third of them; the same calls of n8n, in turns.
    Triggers(Measure<TriggersArgs>),
    /// Generations that stream large files at the same time: how soon files are told, and memory.
    Generations(Measure<GenerationsArgs>),
    /// The same work on other queues, in turns with Atelier.
    Peers(Measure<PeersArgs>),
    /// All of them in full: makes the table of docs/performance.md.
    All(Measure<AllArgs>),
    /// All but peers and generations, small: a smoke test, whose figures say nothing.
    Quick(Measure<QuickArgs>),
    /// A worker process of a run.
    #[command(hide = true)]
    Worker(WorkerArgs),
    /// A server that answers a constant.
    #[command(hide = true)]
    Constant(ConstantArgs),
    /// A server written by hand for some of the product's operations.
    #[command(hide = true)]
    Yardstick(YardstickArgs),
    /// Cleans up after a run that was killed.
    #[command(hide = true)]
    Reaper(ReaperArgs),
}

/// The arguments of a measurement and those of every run.
#[derive(Args, Clone, Debug)]
pub(super) struct Measure<T: Args> {
    #[command(flatten)]
    pub(super) args: T,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

/// How to run.
#[derive(Args, Clone, Debug)]
pub(super) struct RunArgs {
    /// Runs, each of which takes every figure once [default: 5; quick: 1].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    runs: Option<u16>,
    /// Writes versions, configuration and figures as JSON to this file.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Writes the figures as tables of a document to this file.
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,
    /// Folder of initdb, pg_ctl and postgres; looked for where it is left out.
    #[arg(long, env = "ATELIER_BENCH_POSTGRES_BIN", value_name = "FOLDER")]
    postgres_bin: Option<PathBuf>,
    /// The program redis-server; looked for where it is left out.
    #[arg(long, env = "ATELIER_BENCH_REDIS_SERVER", value_name = "FILE")]
    redis_server: Option<PathBuf>,
}

impl RunArgs {
    /// Number of runs.
    pub(super) fn runs(&self, default: u16) -> u16 {
        self.runs.unwrap_or(default)
    }

    /// Locations of PostgreSQL and Redis that were given.
    pub(super) fn places(&self) -> Places {
        Places { postgres_bin: self.postgres_bin.clone(), redis_server: self.redis_server.clone() }
    }
}

/// Arguments of a worker process of a run.
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

/// Arguments of the server that answers a constant.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct ConstantArgs {
    /// Port of 127.0.0.1 that it listens on.
    #[arg(long)]
    pub(super) port: u16,
    /// Bytes of its answer.
    #[arg(long)]
    pub(super) bytes: usize,
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
    fn refuses_values_that_cannot_be_measured() {
        for line in ["drain --queues 7", "drain --workers 0", "latency --runs 0", "latency --idle-secs 0"] {
            let words = ["atelier-bench"].into_iter().chain(line.split_whitespace());
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }
}
