//! Measures the queue and the API: see `docs/performance.md`.

use std::process::ExitCode;

fn main() -> ExitCode {
    atelier_bench::measure::main()
}
