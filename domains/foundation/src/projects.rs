//! Projects of people.

mod commands;
mod figures;
mod folders;
mod personal;
mod references;

use std::sync::Arc;

use atelier_entities::{ProjectId, ProjectKind, ProjectStatus};
use atelier_queue::{Queue, QueueError};
use sea_orm::DbErr;

use crate::{FieldErrors, NotSignedIn, Problem, Refusal};

pub use commands::{create_project, lock_all_owned, lock_owned, own_projects};
pub(crate) use figures::figures_of;
pub use folders::ProjectFolders;
pub(crate) use folders::folders_of;
pub(crate) use personal::OwnedProjects;
pub use personal::lock;
pub use references::ProjectReferences;
pub(crate) use references::lock_references;

/// Maximum length of a title, in characters.
pub const MAX_TITLE: usize = 120;
/// Maximum length of a description, in characters.
pub const MAX_DESCRIPTION: usize = 5_000;

/// Projects of people. Cheap to clone.
#[derive(Clone)]
pub struct Projects {
    queue: Queue,
    max_projects: u64,
    folders: Arc<[ProjectFolders]>,
    references: Arc<[ProjectReferences]>,
}

/// The input for a new project.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// 1 to 120 characters.
    pub title: String,
    /// At most 5,000 characters.
    pub description: String,
    /// The kind of application.
    pub kind: ProjectKind,
}

/// The changes of a project. A field that is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ProjectChanges {
    /// 1 to 120 characters.
    pub title: Option<String>,
    /// At most 5,000 characters.
    pub description: Option<String>,
    /// Draft, building or completed. Only the platform sets the others.
    pub status: Option<ProjectStatus>,
}

/// Why a command on projects failed.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The project does not exist, or belongs to another person.
    #[error("there is no such project")]
    NotFound,
    /// The account has the maximum number of projects.
    #[error("there are {0} projects already")]
    TooMany(u64),
    /// A command that needs a person was called without one.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// Invalid fields.
    #[error("invalid input: {0}")]
    InvalidInput(FieldErrors),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl From<FieldErrors> for ProjectError {
    fn from(errors: FieldErrors) -> Self {
        Self::InvalidInput(errors)
    }
}

impl Problem for ProjectError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotSignedIn(error) => error.refusal(),
            Self::NotFound => Refusal::not_found("project"),
            Self::TooMany(most) => Refusal::at_bound("PROJECT_LIMIT", "projects of one account", *most),
            Self::InvalidInput(errors) => errors.refusal(),
            Self::Queue(error) => error.refusal(),
            Self::Database(_) => Refusal::internal(),
        }
    }
}

impl Projects {
    pub(crate) fn new(
        queue: Queue,
        max_projects: u64,
        folders: Arc<[ProjectFolders]>,
        references: Arc<[ProjectReferences]>,
    ) -> Self {
        Self { queue, max_projects, folders, references }
    }
}

impl std::fmt::Debug for Projects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Projects").finish_non_exhaustive()
    }
}

/// The target of an audit entry about a project.
#[must_use]
pub fn project_target(id: ProjectId) -> Option<String> {
    Some(format!("project:{id}"))
}
