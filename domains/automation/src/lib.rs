//! Workflows: graphs of steps that run durably, by schedule and by webhook.

use atelier_foundation::{Foundation, Module};

pub mod engine;
pub mod expression;
pub mod graph;
pub mod nodes;
pub mod runs;

/// Services of this domain. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Automation {}

impl Automation {
    /// The services on this foundation.
    #[must_use]
    pub fn new(_foundation: &Foundation) -> Self {
        Self {}
    }
}

/// What this domain offers to the processes of the product.
#[must_use]
pub fn module() -> Module<Automation> {
    Module::new("automation")
}
