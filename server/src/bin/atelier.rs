//! All roles in one process, and the command line for operators.

use std::process::ExitCode;

fn main() -> ExitCode {
    atelier_server::cli::atelier()
}
