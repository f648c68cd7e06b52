//! A process with only a scheduler.

use std::process::ExitCode;

use atelier_config::Role;

fn main() -> ExitCode {
    atelier_server::cli::role(Role::Scheduler)
}
