//! The product of Atelier: a module a domain, each with its commands, its queries,
//! its jobs (args and policy) and its error.
//!
//! A command opens one transaction for its rows, its audit entry and its jobs, and
//! speaks to nothing but the database in it. Another user's row is not found.

mod caller;
mod job_control;
mod jobs;
mod options;
mod paging;
mod services;

pub mod admin;
pub mod audit;
pub mod credits;
pub mod database;
pub mod deployments;
pub mod generation;
pub mod idempotency;
pub mod identity;
pub mod mail;
pub mod maintenance;
pub mod projects;
pub mod stats;
pub mod validation;

#[cfg(test)]
mod testing;

pub use atelier_queue::inspect::{COUNT_LIMIT, Page};
pub use caller::Caller;
pub use job_control::Audience;
pub use jobs::{effects, kinds, recurring};
pub use options::{
    AuthOptions, CreditOptions, GenerationOptions, MailOptions, RetentionOptions, ServiceOptions,
};
pub use services::{Deps, RetryError, Services};
pub use validation::FieldErrors;
