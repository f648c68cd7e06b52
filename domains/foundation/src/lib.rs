//! The people of Atelier, what they own, and what every domain is made of.
//!
//! A command opens one transaction for its rows, its audit entry and its jobs, and
//! speaks to nothing but the database in it. Another user's row is not found.

mod actor;
mod foundation;
mod links;
mod module;
mod options;
mod problem;
mod signing;

pub mod audit;
pub mod credits;
pub mod database;
pub mod idempotency;
pub mod identity;
pub mod mail;
pub mod objects;
pub mod paging;
pub mod personal;
pub mod projects;
pub mod validation;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use actor::{Actor, Authenticated, Client, Credential, NotSignedIn, Person};
pub use atelier_queue::inspect::{COUNT_LIMIT, Page};
pub use foundation::{Deps, Foundation, Ports, module};
pub use module::{Kind, Module, Purge, Restart, RestartError};
pub use options::{AuthOptions, CreditOptions, FoundationOptions, MailOptions, RetentionOptions};
pub use personal::PersonalData;
pub use problem::{Class, Problem, Refusal};
pub use validation::FieldErrors;
