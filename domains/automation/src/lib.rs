//! Workflows: graphs of steps that run durably, by schedule and by webhook.

use std::{fmt, sync::Arc};

use atelier_foundation::{Foundation, Module};
use atelier_providers::{http::GuardedClient, llm::ChatModel, object_store::Objects};
use atelier_queue::{Job, NewJob, schedule::Recurring};

use nodes::Services;
use runs::{Execution, OwnedRuns, ReconcileRuns, Runs};
use workflows::{OwnedWorkflows, Workflows};

mod mail;

pub mod engine;
pub mod expression;
pub mod graph;
pub mod nodes;
pub mod runs;
pub mod workflows;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

/// Services of this domain. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Automation {
    /// Workflows, their drafts and their versions.
    pub workflows: Workflows,
    /// Runs of workflows.
    pub runs: Runs,
    /// Runs attempts of nodes.
    pub execution: Execution,
}

/// The external dependencies of this domain.
#[derive(Clone)]
pub struct Deps {
    /// The language model.
    pub model: Arc<dyn ChatModel>,
    /// Stores large inputs and outputs of runs.
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
        let queue = &foundation.queue;
        let workflows = Workflows::new(queue.clone());
        let services = Services { queue: queue.clone(), http, model };
        Self {
            runs: Runs::new(queue.clone(), objects.clone(), workflows.clone()),
            execution: Execution::new(services, objects),
            workflows,
        }
    }
}

/// What this domain offers to the processes of the product.
#[must_use]
pub fn module() -> Module<Automation> {
    let run_node = runs::node_kind(|all: &Automation, ctx, args| Box::pin(all.execution.run_node(ctx, args)));
    module_without_nodes().with_kind(run_node)
}

/// The module without the kind that runs attempts of nodes.
fn module_without_nodes() -> Module<Automation> {
    runs::kinds()
        .into_iter()
        .fold(Module::new("automation"), Module::with_kind)
        .with_recurring(Recurring {
            name: ReconcileRuns::KIND,
            cron: "30 * * * * *",
            make: |_| NewJob::of(&ReconcileRuns {}),
        })
        .with_mails(&mail::TEMPLATES)
        .with_purge("workflow_runs", |queue, batch| Box::pin(runs::purge_runs(queue, batch)))
        .with_purge("workflows", |queue, batch| Box::pin(workflows::purge_deleted(queue, batch)))
        .with_personal_data(OwnedWorkflows)
        .with_personal_data(OwnedRuns)
}
