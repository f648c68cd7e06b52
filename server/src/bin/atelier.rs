//! The whole platform in one process, and the operator's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    atelier_server::cli::atelier()
}
