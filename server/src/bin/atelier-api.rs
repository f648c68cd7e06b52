//! A process with only the HTTP API.

use std::process::ExitCode;

use atelier_config::Role;

fn main() -> ExitCode {
    atelier_server::cli::role(Role::Api)
}
