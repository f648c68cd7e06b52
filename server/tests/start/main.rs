//! Processes as an operator starts them: what they need, what they say, how they end.

mod causes;
mod metrics;
mod process;
#[cfg(unix)]
mod rights;
mod signals;
