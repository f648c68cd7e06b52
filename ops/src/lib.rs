//! Operations that every process of Atelier shares: logs, trace context, metrics, health
//! checks, terminal output, HTTP connections and graceful shutdown.

pub mod check;
pub mod connections;
pub mod host;
pub mod logging;
pub mod metrics;
pub mod server;
pub mod shutdown;
pub mod terminal;
pub mod trace;

mod error;
mod json_lines;
mod process;

pub use error::OpsError;
