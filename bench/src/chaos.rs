//! `atelier-chaos`: starts a whole installation in a scratch folder, enqueues work,
//! injects faults, and checks whether every promise was kept.

use std::process::ExitCode;

use atelier_ops::terminal;
use clap::Parser;
use tokio::runtime::Runtime;

mod canceller;
mod checks;
mod cli;
mod clocks;
mod customers;
mod draws;
mod enqueuer;
mod faults;
mod handlers;
mod infrastructure;
mod inject;
mod installation;
mod kinds;
mod ledger;
mod load;
mod models;
mod plan;
mod probes;
mod processes;
mod proxy;
mod quiet;
mod recovery;
mod report;
mod requests;
mod role;
mod run;
mod running;
mod sampler;
mod supervisor;
mod tables;
mod triggers;
mod worker_activity;
mod workflows;

use crate::servers::{
    reaper,
    volume::{self, MountRights},
};
use cli::{Cli, Role};

/// Exit code of a run that could not be started or finished.
const EXIT_UNABLE: u8 = 2;

/// Runs the program with this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { options, role } = Cli::parse();
    if role.is_none() && !options.own_mounts {
        // PostgreSQL runs as a user that does not exist inside a user namespace.
        let rights: &[MountRights] = if options.embedded {
            &[MountRights::Own, MountRights::UserNamespace]
        } else {
            &[MountRights::Own]
        };
        if let Err(error) = volume::restart_with_own_mounts(rights) {
            return unable(&error.into());
        }
    }
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return unable(&error.into()),
    };
    let outcome = match role {
        None => runtime.block_on(run::run(options)),
        Some(Role::Worker(args)) => runtime.block_on(role::worker(args)),
        Some(Role::Scheduler(args)) => runtime.block_on(role::scheduler(args)),
        Some(Role::Embedded(args)) => runtime.block_on(role::embedded(args)),
        Some(Role::Write(args)) => {
            std::fs::write(args.file, "written").map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        Some(Role::Reaper(args)) => reaper::run(&args),
    };
    runtime.shutdown_background();
    outcome.unwrap_or_else(|error| unable(&error))
}

fn unable(error: &anyhow::Error) -> ExitCode {
    terminal::print_error(format_args!("error: {error:#}"));
    ExitCode::from(EXIT_UNABLE)
}
