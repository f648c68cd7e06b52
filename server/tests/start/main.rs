//! Tests of processes as an operator starts them: their needs, messages and exit codes.

mod causes;
mod metrics;
#[cfg(unix)]
mod permissions;
mod process;
mod signals;
