//! Workflows: graphs of steps that run durably, by schedule and by webhook.

use atelier_foundation::{Foundation, Module};

use workflows::{OwnedWorkflows, Workflows};

pub mod engine;
pub mod expression;
pub mod graph;
pub mod nodes;
pub mod runs;
pub mod workflows;

/// Services of this domain. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Automation {
    /// Workflows, their drafts and their versions.
    pub workflows: Workflows,
}

impl Automation {
    /// The services on this foundation.
    #[must_use]
    pub fn new(foundation: &Foundation) -> Self {
        Self { workflows: Workflows::new(foundation.queue.clone()) }
    }
}

/// What this domain offers to the processes of the product.
#[must_use]
pub fn module() -> Module<Automation> {
    Module::new("automation")
        .with_personal_data(OwnedWorkflows)
        .with_purge("workflows", |queue, batch| Box::pin(workflows::purge_deleted(queue, batch)))
}
