//! Runs of workflows: their rows, their jobs, and what people do with them.
//!
//! A run is locked together with all its parents, outer runs first: see `store`. `personal` of the foundation
//! says in which order the rows of a transaction are locked.

mod admissions;
mod advance;
mod answer;
mod awaited;
mod cancel_older;
mod data;
mod deleted;
mod effects;
mod error;
mod event;
pub mod execute;
mod gauges;
mod jobs;
mod listener;
mod overlay;
mod personal;
mod purge;
mod reconcile;
mod response;
mod result;
mod start;
mod steer;
mod store;
#[cfg(test)]
pub(crate) mod tests;
mod view;
mod watch;
mod why;

use std::sync::Arc;

use atelier_entities::{RunId, workflow_runs};
use atelier_foundation::{Actor, Kind, LinkKey};
use atelier_queue::{JobContext, JobError, Outcome, Queue};
use futures::future::BoxFuture;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::workflows::Workflows;
use advance::NodePorts;
use effects::NodeEnded;

pub(crate) use advance::{Hooked, Scheduled, advance, start_hooked, start_scheduled};
pub(crate) use effects::{StartEnded, WakeEnded};
pub(crate) use event::RunEvent;
pub(crate) use gauges::observe;
pub(crate) use listener::JobsEnded;

pub use answer::{Decision, MAX_COMMENT, MAX_SIGNAL_KEY, MAX_SIGNALS, OpenApproval, SignalInput};
pub(crate) use cancel_older::list_trees;
pub use data::{
    MAX_INLINE_BYTES, MAX_INLINE_LIST_BYTES, MAX_OUTPUT_BYTES, MAX_RUN_BYTES, OutputError, Reader,
    StoredValues,
};
pub use error::RunError;
pub use execute::Execution;
pub use jobs::{
    CancelOlder, RecomputeSchedules, ReconcileRuns, RunNode, SettleSchedule, StartRun, StopJobs, WakeNode,
};
pub use overlay::{ItemCounts, NodeOverlay, RunChoice, RunOverlay};
pub(crate) use personal::OwnedRuns;
pub(crate) use purge::purge_runs;
pub use response::Responded;
pub use result::{ActionStart, ChildRequest, NodeResult, Stored, WorkOutcome};
pub(crate) use start::find_first_job;
pub use start::{MAX_INPUT_BYTES, RerunInput, RunVersion, StartInput, StartedRun};
pub(crate) use steer::cancel_jobs_of_ended;
pub use view::{NodeSummary, NodeView, PREVIEW_BYTES, Preview, RunFilter, RunSummary, RunView};
pub use watch::{ParseRunPositionError, RunPosition, RunUpdate};
pub use why::RunReason;

/// Runs of workflows. Cheap to clone.
#[derive(Clone)]
pub struct Runs {
    queue: Queue,
    values: StoredValues,
    workflows: Workflows,
}

impl Runs {
    pub(crate) fn new(queue: Queue, values: StoredValues, workflows: Workflows) -> Self {
        Self { queue, values, workflows }
    }

    /// Reads what runs and their nodes were given and gave.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(self.queue.db(), &self.values)
    }

    /// The run, if it is the actor's.
    async fn find_own(&self, actor: &Actor, run: RunId) -> Result<workflow_runs::Model, RunError> {
        let own =
            workflow_runs::Entity::find_by_id(run).filter(workflow_runs::Column::UserId.eq(actor.person()?));
        own.one(self.queue.db()).await?.ok_or(RunError::NotFound("run"))
    }
}

impl std::fmt::Debug for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runs").finish_non_exhaustive()
    }
}

/// The handler of the jobs of nodes, in services `S`.
pub(crate) type RunNodeHandler<S> =
    for<'a> fn(&'a S, &'a JobContext, RunNode) -> BoxFuture<'a, Result<Outcome, JobError>>;

/// The kind of the jobs of nodes, with its handler. `links` makes the links of mails.
pub(crate) fn node_kind<S>(run: RunNodeHandler<S>, links: &LinkKey) -> Kind<S>
where
    S: Clone + Send + Sync + 'static,
{
    let links = links.clone();
    Kind::of::<RunNode>(run).with_effect_of(move |ports| {
        Arc::new(NodeEnded(NodePorts { actions: ports.actions.clone(), links: links.clone() }))
    })
}

/// The folder of a run in the object store.
pub(crate) fn run_folder(run: RunId) -> String {
    format!("runs/{run}")
}

/// The target of an audit entry about a run.
pub(crate) fn run_target(run: RunId) -> Option<String> {
    Some(format!("run:{run}"))
}
