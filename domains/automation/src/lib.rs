//! Workflows: graphs of steps that run durably, by schedule and by webhook.

use atelier_foundation::{Foundation, Module};
use atelier_providers::object_store::Objects;
use atelier_queue::{Job, NewJob, schedule::Recurring};

use runs::{OwnedRuns, ReconcileRuns, Runs};
use workflows::{OwnedWorkflows, Workflows};

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
}

/// The external dependencies of this domain.
#[derive(Clone)]
pub struct Deps {
    /// Stores large inputs and outputs of runs.
    pub objects: Objects,
}

impl Automation {
    /// The services on this foundation.
    #[must_use]
    pub fn new(foundation: &Foundation, deps: Deps) -> Self {
        let workflows = Workflows::new(foundation.queue.clone());
        let runs = Runs::new(foundation.queue.clone(), deps.objects, workflows.clone());
        Self { workflows, runs }
    }
}

impl std::fmt::Debug for Deps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deps").finish_non_exhaustive()
    }
}

/// What this domain offers to the processes of the product.
#[must_use]
pub fn module() -> Module<Automation> {
    runs::kinds()
        .into_iter()
        .fold(Module::new("automation"), Module::with_kind)
        .with_recurring(Recurring {
            name: ReconcileRuns::KIND,
            cron: "30 * * * * *",
            make: |_| NewJob::of(&ReconcileRuns {}),
        })
        .with_purge("workflow_runs", |queue, batch| Box::pin(runs::purge_runs(queue, batch)))
        .with_purge("workflows", |queue, batch| Box::pin(workflows::purge_deleted(queue, batch)))
        .with_personal_data(OwnedWorkflows)
        .with_personal_data(OwnedRuns)
}
