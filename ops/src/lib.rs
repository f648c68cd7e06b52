//! What every process of Atelier does besides its work: write logs, carry trace
//! context, count, answer probes, write to people, keep connections, and stop in good order.

pub mod check;
pub mod connections;
pub mod host;
pub mod logging;
pub mod metrics;
pub mod server;
pub mod shutdown;
pub mod terminal;
pub mod trace;

mod json_lines;
mod process;

/// Why a process cannot be observed.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// The filter is not in the syntax of `RUST_LOG`.
    #[error("telemetry.log_filter: {0}")]
    LogFilter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter of traces cannot be built, for instance for its endpoint.
    #[error("telemetry.otlp_endpoint: {0}")]
    Exporter(String),
    /// This process writes its logs elsewhere already.
    #[error("logging was set up before: {0}")]
    LoggingTaken(#[from] tracing_subscriber::util::TryInitError),
    /// This process counts elsewhere already.
    #[error("metrics cannot be installed: {0}")]
    Metrics(String),
}
