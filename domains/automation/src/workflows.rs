//! Workflows: their drafts, their published versions, and what people do with them.
//!
//! A workflow has one draft, which changes, and versions, which never do. Both are rows of nodes and edges.
//! A command locks the workflow's row, and after it that of a project or of the account, if it counts their
//! workflows or calls. `personal` of the foundation says in which order the rows of a transaction are locked.

mod checks;
mod commands;
mod draft;
mod edges;
mod error;
mod jobs;
mod list;
mod nodes;
mod personal;
mod publish;
mod rows;
mod settings;
mod transfer;
mod triggers;
pub mod versions;

use std::sync::Arc;

use atelier_entities::{WorkflowId, workflow_runs, workflows};
use atelier_foundation::projects::ProjectReferences;
use atelier_queue::{Queue, QueueError, removal::delete_in_batches};
use sea_orm::{
    ColumnTrait, Condition,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::graph::{Catalog, Fault, Severity};

pub(crate) use commands::lock_account;
pub use commands::{NewWorkflow, WorkflowChanges};
pub use draft::{Draft, Expected};
pub use edges::EdgeAt;
pub use error::WorkflowError;
pub use jobs::CancelRuns;
pub use list::WorkflowFilter;
pub use nodes::{NewNode, NodeAt, NodeChanges};
pub(crate) use personal::OwnedWorkflows;
pub use publish::{KEPT_VERSIONS, MAX_NOTE};
pub(crate) use rows::read as read_graph;
pub use settings::{
    DEFAULT_TIMEOUT_SECS, MAX_CONCURRENT_RUNS, MAX_QUEUED_RUNS, MAX_TIMEOUT_SECS, MAX_VARS_BYTES, RunLane,
    Settings,
};
pub use transfer::{Imported, SCHEMA};

/// Most workflows of a project, and of a person outside of projects.
pub const MAX_WORKFLOWS: u64 = 50;
/// Maximum length of a name, in characters.
pub const MAX_NAME: usize = 120;
/// Maximum length of a description, in characters.
pub const MAX_DESCRIPTION: usize = 5_000;
/// Workflows that one transaction deletes with their versions.
const ERASED_AT_ONCE: u32 = 20;

/// Workflows of people. Cheap to clone.
#[derive(Clone)]
pub struct Workflows {
    queue: Queue,
    catalog: Arc<Catalog>,
}

impl Workflows {
    pub(crate) fn new(queue: Queue) -> Self {
        Self { queue, catalog: Arc::new(crate::nodes::catalog()) }
    }

    /// The types of nodes that there are.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }
}

impl std::fmt::Debug for Workflows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workflows").finish_non_exhaustive()
    }
}

/// The target of an audit entry about a workflow.
#[must_use]
pub fn workflow_target(id: WorkflowId) -> Option<String> {
    Some(format!("workflow:{id}"))
}

/// Whether one of the faults keeps a graph from being published and run.
#[must_use]
pub fn has_errors(faults: &[Fault]) -> bool {
    faults.iter().any(|fault| fault.severity == Severity::Error)
}

/// The workflows of projects: they outlive them.
pub(crate) fn project_references() -> ProjectReferences {
    ProjectReferences::new(|tx, projects| Box::pin(commands::lock_of_projects(tx, projects)))
}

/// Deletes workflows that were deleted by their owners and have no runs any more, with their versions.
///
/// # Errors
/// If the database fails.
pub(crate) async fn purge_deleted(queue: &Queue, batch: u32) -> Result<u64, QueueError> {
    let runs = Query::select()
        .expr(Expr::value(1))
        .from(workflow_runs::Entity)
        .and_where(
            Expr::col((workflow_runs::Entity, workflow_runs::Column::WorkflowId))
                .equals((workflows::Entity, workflows::Column::Id)),
        )
        .take();
    let which =
        Condition::all().add(workflows::Column::DeletedAt.is_not_null()).add(Expr::exists(runs).not());
    delete_in_batches::<workflows::Entity>(queue, which, Ord::min(batch, ERASED_AT_ONCE)).await
}

#[cfg(test)]
mod tests;
