//! A process with only a worker.

use std::process::ExitCode;

use atelier_config::Role;

fn main() -> ExitCode {
    atelier_server::cli::role(Role::Worker)
}
