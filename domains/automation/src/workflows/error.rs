use atelier_foundation::{Class, FieldErrors, NotSignedIn, Problem, Refusal};
use atelier_queue::QueueError;
use sea_orm::DbErr;
use serde_json::Value;

use super::MAX_WORKFLOWS;
use crate::graph::{Fault, FaultCode, MAX_BYTES, Severity};

/// Faults that a refusal lists. The validation lists all of them.
const LISTED_FAULTS: usize = 32;

/// Why a command on workflows failed.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// The workflow does not exist, is deleted, or belongs to another person.
    #[error("there is no such workflow")]
    NotFound,
    /// The draft has no such node.
    #[error("there is no node {0}")]
    NoNode(String),
    /// The draft has no such edge.
    #[error("there is no edge {0}")]
    NoEdge(String),
    /// The project, or the person outside of projects, has the maximum number of workflows.
    #[error("there are {MAX_WORKFLOWS} workflows already")]
    TooMany,
    /// The workflow has no published version.
    #[error("the workflow was never published")]
    NotPublished,
    /// The request does not say which revision of the draft it replaces.
    #[error("the revision is missing")]
    RevisionMissing,
    /// The draft has changed since the revision that the request names.
    #[error("the draft is at revision {0}")]
    RevisionChanged(i64),
    /// The graph cannot be stored or published as it is.
    #[error("the graph has {} faults", .0.len())]
    Faulty(Vec<Fault>),
    /// A command that needs a person was called without one.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// Invalid fields.
    #[error("invalid input: {0}")]
    InvalidInput(#[from] FieldErrors),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl From<Box<Fault>> for WorkflowError {
    fn from(fault: Box<Fault>) -> Self {
        Self::Faulty(vec![*fault])
    }
}

impl Problem for WorkflowError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotSignedIn(error) => error.refusal(),
            Self::InvalidInput(errors) => errors.refusal(),
            Self::Queue(error) => error.refusal(),
            Self::Database(_) => Refusal::internal(),
            Self::NotFound => Refusal::not_found("workflow"),
            Self::NoNode(key) => {
                let message = "The draft has no such node.";
                Refusal::new(Class::NotFound, "NODE_NOT_FOUND", message).with_detail("node", key.as_str())
            }
            Self::NoEdge(id) => {
                let message = "The draft has no such edge.";
                Refusal::new(Class::NotFound, "EDGE_NOT_FOUND", message).with_detail("edge", id.as_str())
            }
            Self::TooMany => Refusal::at_bound(
                "WORKFLOW_LIMIT",
                "workflows in this project, or outside of projects",
                MAX_WORKFLOWS,
            ),
            Self::NotPublished => {
                Refusal::new(Class::Conflict, "NOT_PUBLISHED", "Publish the workflow first.")
            }
            Self::RevisionMissing => Refusal::new(
                Class::PreconditionRequired,
                "REVISION_REQUIRED",
                "Send the ETag of the graph that you replace as If-Match, or * to replace any.",
            ),
            Self::RevisionChanged(revision) => {
                let message = "The draft has changed: read it again.";
                Refusal::new(Class::PreconditionFailed, "REVISION_CHANGED", message)
                    .with_detail("revision", *revision)
            }
            Self::Faulty(faults) => refusal_of(faults),
        }
    }
}

fn refusal_of(faults: &[Fault]) -> Refusal {
    if faults.iter().any(|fault| fault.code == FaultCode::GraphTooLarge) {
        let message = format!("The graph has more than {MAX_BYTES} bytes.");
        return Refusal::new(Class::TooLarge, "GRAPH_TOO_LARGE", message).with_detail("limit", MAX_BYTES);
    }
    let errors = faults.iter().filter(|fault| fault.severity == Severity::Error);
    let count = errors.clone().count();
    let first: Vec<Value> =
        errors.take(LISTED_FAULTS).filter_map(|fault| serde_json::to_value(fault).ok()).collect();
    let message = "The graph is not valid: see the faults in the details.";
    Refusal::new(Class::Invalid, "GRAPH_INVALID", message)
        .with_detail("count", count)
        .with_detail("faults", first)
}
