//! The builder: generates applications, stores their versions, and publishes them.

mod builder;
mod mail;
mod omission;
mod options;
mod path;

pub mod check;
pub mod deployments;
pub mod edit;
pub mod fault;
pub mod file;
pub mod generation;
pub mod parse;
pub mod parts;
pub mod prompt;
pub mod react;
pub mod versions;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use builder::{Builder, Deps, module};
pub use options::{BuilderOptions, GenerationOptions, ModuleOptions};
