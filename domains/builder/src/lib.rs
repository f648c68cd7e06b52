//! Writing and publishing applications: versions, generations, deployments.

mod builder;
mod options;

pub mod deployments;
pub mod generation;
pub mod versions;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use builder::{Builder, Deps, module};
pub use options::{BuilderOptions, GenerationOptions};
