//! Why logs, traces or metrics cannot be set up.

/// Why logs, traces or metrics cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// The filter is not in the syntax of `RUST_LOG`.
    #[error("telemetry.log_filter: {0}")]
    LogFilter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter of traces cannot be built, for instance for its endpoint.
    #[error("telemetry.otlp_endpoint: {0}")]
    Exporter(String),
    /// Another subscriber is installed in this process.
    #[error("logging was set up before: {0}")]
    LoggingTaken(#[from] tracing_subscriber::util::TryInitError),
    /// Another recorder is installed in this process.
    #[error("metrics cannot be installed: {0}")]
    Metrics(String),
}
