//! Workflows: graphs of steps that run durably, by schedule and by webhook.

mod automation;
mod mail;
mod retry_after;
mod text;

pub mod engine;
pub mod expression;
pub mod graph;
pub mod hooks;
pub mod import;
pub mod integrations;
pub mod nodes;
pub mod runs;
pub mod schedules;
pub mod webhooks;
pub mod workflows;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use automation::{Automation, Deps, module};
pub use text::Text;
