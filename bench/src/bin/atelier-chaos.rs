//! Tests the queue under faults: see `docs/reliability.md`.

use std::process::ExitCode;

fn main() -> ExitCode {
    atelier_bench::chaos::main()
}
