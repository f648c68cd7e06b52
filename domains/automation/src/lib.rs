//! Workflows: graphs of steps that run durably, by schedule and by webhook.

use std::{fmt, sync::Arc};

use atelier_foundation::{Foundation, Module};
use atelier_providers::{http::GuardedClient, llm::ChatModel, object_store::Objects};

use nodes::Services;
use runs::Execution;

mod mail;

pub mod engine;
pub mod expression;
pub mod graph;
pub mod nodes;
pub mod runs;
pub mod workflows;

/// Services of this domain. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Automation {
    /// Runs attempts of nodes.
    pub execution: Execution,
}

/// The external dependencies of this domain.
#[derive(Clone)]
pub struct Deps {
    /// The language model.
    pub model: Arc<dyn ChatModel>,
    /// Stores large outputs.
    pub objects: Objects,
    /// Sends the requests of nodes.
    pub http: GuardedClient,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps").finish_non_exhaustive()
    }
}

impl Automation {
    /// The services on this foundation.
    #[must_use]
    pub fn new(foundation: &Foundation, deps: Deps) -> Self {
        let Deps { model, objects, http } = deps;
        let services = Services { queue: foundation.queue.clone(), http, model };
        Self { execution: Execution::new(services, objects) }
    }
}

/// What this domain offers to the processes of the product.
#[must_use]
pub fn module() -> Module<Automation> {
    Module::new("automation").with_mails(&mail::TEMPLATES)
}
