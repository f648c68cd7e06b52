//! The foundation of Atelier: people and what they own, and the types that every domain
//! uses.
//!
//! A command opens one transaction for its rows, its audit entry and its jobs. It calls
//! nothing but the database in it. A row of another user is reported as not found.

mod actor;
mod foundation;
mod links;
mod module;
mod options;
mod problem;
mod signing;

pub mod actions;
pub mod audit;
pub mod credits;
pub mod database;
pub mod idempotency;
pub mod identity;
pub mod job_ends;
pub mod key_ring;
pub mod key_rotation;
pub mod mail;
pub mod objects;
pub mod paging;
pub mod personal;
pub mod projects;
pub mod schedule;
pub mod validation;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use actor::{Actor, Authenticated, Client, Credential, NotSignedIn, Person};
pub use atelier_queue::inspect::{COUNT_LIMIT, Page};
pub use foundation::{Deps, Foundation, Ports, module};
pub use links::LinkKey;
pub use module::{EffectPorts, Kind, Module, Purge, Restart, RestartError};
pub use options::{AuthOptions, CreditOptions, FoundationOptions, MailOptions, RetentionOptions};
pub use personal::PersonalData;
pub use problem::{Class, Problem, Refusal};
pub use validation::FieldErrors;
