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

mod error;
mod json_lines;
mod process;

pub use error::OpsError;
