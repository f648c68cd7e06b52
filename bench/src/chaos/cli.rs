//! The command line.

use std::{path::PathBuf, time::Duration};

use anyhow::bail;
use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;

use super::faults::Fault;
use crate::servers::{programs::Places, reaper::ReaperArgs};

const EXAMPLES: &str = "\
Examples:
  atelier-chaos                                  three minutes of everything
  atelier-chaos --minutes 20 --report chaos.json a long run, its report kept
  atelier-chaos --seed 7 --faults worker-kill,redis-flush
  atelier-chaos --faults none                    the same load without faults
  atelier-chaos --embedded --minutes 1           one process and SQLite

A run has three phases: load under faults for the given minutes, a quiet phase in
which every job must end, and the checks.
Exit status: 0 where every promise held, 1 where one was broken, 2 where the run
could not be started or finished.";

/// Tests a whole Atelier under faults: PostgreSQL, Redis, a proxy in front of each, three
/// workers and two schedulers, in a folder of their own and on free ports; or, embedded,
/// one process with SQLite. Jobs are enqueued while processes and servers are killed,
/// stalled, emptied and disconnected. At the end every job is checked.
#[derive(Debug, Parser)]
#[command(name = "atelier-chaos", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) options: Options,
    #[command(subcommand)]
    pub(super) role: Option<Role>,
}

/// How to run.
#[derive(Args, Clone, Debug)]
pub(super) struct Options {
    /// All roles in one process with SQLite, instead of PostgreSQL, Redis and the
    /// processes that share them.
    #[arg(long)]
    pub(super) embedded: bool,
    /// Minutes of load and faults, without the quiet phase at the end.
    #[arg(long, default_value_t = 3.0, value_name = "MINUTES")]
    pub(super) minutes: f64,
    /// Jobs to enqueue, spread over that time [default: 1500 a minute].
    #[arg(long, value_name = "COUNT")]
    pub(super) jobs: Option<u64>,
    /// Determines the faults and the load, and is printed first. Random where it is left
    /// out.
    #[arg(long, value_name = "NUMBER")]
    pub(super) seed: Option<u64>,
    /// Faults to inject, with commas between them: all, none, or names of the list
    /// that a wrong name prints.
    #[arg(long, value_delimiter = ',', default_value = "all", value_name = "LIST")]
    pub(super) faults: Vec<String>,
    /// Writes the report as JSON to this file.
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Keeps the scratch folder with all logs and the data of both servers.
    #[arg(long)]
    pub(super) keep: bool,
    /// Seconds between two heartbeats of a worker; a lease lasts two.
    #[arg(long, default_value_t = 2, value_name = "SECONDS")]
    pub(super) heartbeat_secs: u64,
    /// Does not start the product (atelier-api, atelier-worker and atelier-scheduler, or
    /// atelier), even where it lies beside this program.
    #[arg(long)]
    pub(super) no_product: bool,
    /// Folder of initdb, pg_ctl and postgres; looked for where it is left out.
    #[arg(long, env = "ATELIER_CHAOS_POSTGRES_BIN", value_name = "FOLDER")]
    pub(super) postgres_bin: Option<PathBuf>,
    /// This program runs in a mount namespace of its own.
    #[arg(long, hide = true)]
    pub(super) own_mounts: bool,
    /// The program redis-server; looked for where it is left out.
    #[arg(long, env = "ATELIER_CHAOS_REDIS_SERVER", value_name = "FILE")]
    pub(super) redis_server: Option<PathBuf>,
}

impl Options {
    /// Locations of PostgreSQL and Redis that were given.
    pub(super) fn places(&self) -> Places {
        Places { postgres_bin: self.postgres_bin.clone(), redis_server: self.redis_server.clone() }
    }

    /// How long faults are injected.
    pub(super) fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.minutes * 60.0).unwrap_or_default()
    }

    pub(super) fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_secs.max(1))
    }

    /// Jobs to enqueue in a second.
    pub(super) fn rate(&self) -> f64 {
        const JOBS_A_MINUTE: f64 = 1_500.0;
        #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
        let jobs = self.jobs.map_or(JOBS_A_MINUTE * self.minutes, |jobs| jobs as f64);
        jobs / (self.minutes * 60.0).max(1.0)
    }

    /// The faults that were asked for.
    pub(super) fn chosen_faults(&self) -> anyhow::Result<Vec<Fault>> {
        match self.faults.as_slice() {
            [all] if all == "all" => Ok(Fault::of_run(self.embedded)),
            [none] if none == "none" => Ok(Vec::new()),
            names => {
                let faults = names.iter().map(|name| Fault::parse(name)).collect::<Result<Vec<_>, _>>()?;
                if let Some(other) = faults.iter().find(|fault| !fault.is_of_run(self.embedded)) {
                    bail!(
                        "{other} is a fault of the run {} --embedded",
                        if self.embedded { "without" } else { "with" }
                    );
                }
                Ok(faults)
            }
        }
    }
}

/// The role of this program where it was started by itself.
#[derive(Debug, Subcommand)]
pub(super) enum Role {
    /// A worker of the run.
    #[command(hide = true)]
    Worker(MemberArgs),
    /// A scheduler of the run.
    #[command(hide = true)]
    Scheduler(MemberArgs),
    /// All roles of an embedded run.
    #[command(hide = true)]
    Embedded(EmbeddedArgs),
    /// Writes a file, to find out whether the disk allows it.
    #[command(hide = true)]
    Write(WriteArgs),
    /// Cleans up after a run that was killed.
    #[command(hide = true)]
    Reaper(ReaperArgs),
}

/// Arguments of a worker or a scheduler of a run.
#[derive(Args, Clone, Debug)]
pub(super) struct MemberArgs {
    /// Its database.
    #[arg(long, env = "ATELIER_CHAOS_DATABASE_URL", hide_env_values = true)]
    pub(super) database_url: SecretString,
    /// Its Redis.
    #[arg(long, env = "ATELIER_CHAOS_REDIS_URL", hide_env_values = true)]
    pub(super) redis_url: SecretString,
    /// Seconds between two heartbeats.
    #[arg(long)]
    pub(super) heartbeat_secs: u64,
    /// Whether it knows the kinds of the next version.
    #[arg(long)]
    pub(super) next_version: bool,
}

/// Arguments of the process of an embedded run.
#[derive(Args, Clone, Debug)]
pub(super) struct EmbeddedArgs {
    /// Its database.
    #[arg(long)]
    pub(super) file: PathBuf,
    /// The socket at which it serves the run's callers.
    #[arg(long)]
    pub(super) socket: PathBuf,
    /// Seconds between two heartbeats.
    #[arg(long)]
    pub(super) heartbeat_secs: u64,
}

/// Which file to write.
#[derive(Args, Clone, Debug)]
pub(super) struct WriteArgs {
    /// The file.
    pub(super) file: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn options(line: &str) -> Options {
        Cli::try_parse_from(line.split_whitespace()).expect("a command line").options
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn reads_lists_of_faults() {
        let chosen = |line: &str| options(line).chosen_faults();

        assert_eq!(chosen("atelier-chaos").expect("all"), Fault::of_run(false));
        assert_eq!(chosen("atelier-chaos --embedded").expect("all"), Fault::of_run(true));
        assert!(chosen("atelier-chaos --faults none").expect("none").is_empty());
        let two = chosen("atelier-chaos --faults worker-kill,redis-flush").expect("two");
        assert_eq!(two, [Fault::WorkerKill, Fault::RedisFlush]);
        let error = chosen("atelier-chaos --faults earthquake").expect_err("no such fault");
        assert!(error.to_string().contains("worker-kill"), "{error}");
        let error = chosen("atelier-chaos --faults disk-full").expect_err("of the other run");
        assert!(error.to_string().contains("with --embedded"), "{error}");
    }

    #[test]
    fn spreads_the_jobs_over_the_minutes() {
        assert!((options("atelier-chaos --minutes 2 --jobs 240").rate() - 2.0).abs() < 1e-9);
        assert!((options("atelier-chaos --minutes 10").rate() - 25.0).abs() < 1e-9);
    }
}
