//! Projects, their versions and their code.

mod archive;
mod commands;
mod versions;

use atelier_entities::{ProjectId, ProjectKind, ProjectStatus};
use atelier_providers::object_store::{ObjectError, Objects};
use atelier_queue::{Queue, QueueError};
use bytes::Bytes;
use sea_orm::DbErr;

use crate::FieldErrors;

pub use archive::slug;
pub(crate) use commands::{folders_of, lock_all_owned};
pub(crate) use versions::stored_file;

/// Most characters of a description.
pub(crate) const MAX_DESCRIPTION: usize = 5_000;

/// Projects of people. Cheap to clone.
#[derive(Clone)]
pub struct Projects {
    queue: Queue,
    objects: Objects,
    max_projects: u64,
}

/// What a new project is made of.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// 1 to 120 characters.
    pub title: String,
    /// At most 5,000 characters.
    pub description: String,
    /// What is to be built.
    pub kind: ProjectKind,
}

/// What is to be changed; what is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ProjectChanges {
    /// 1 to 120 characters.
    pub title: Option<String>,
    /// At most 5,000 characters.
    pub description: Option<String>,
    /// Draft, building or completed; the others are the platform's to set.
    pub status: Option<ProjectStatus>,
}

/// A version as one file.
#[derive(Clone, Debug)]
pub struct ZipFile {
    /// Safe in a header and on every file system.
    pub file_name: String,
    /// The archive; the same version gives the same bytes.
    pub bytes: Bytes,
    /// The version's number.
    pub version: i32,
}

/// Why something about projects was not done.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// There is no such project, or it is another person's.
    #[error("there is no such project")]
    NotFound,
    /// The project has no code, or not that version.
    #[error("there is no such version")]
    NoVersion,
    /// As many projects as one person may have.
    #[error("there are {0} projects already")]
    TooMany(u64),
    /// Fields that cannot be taken as they are.
    #[error("invalid input: {0}")]
    InvalidInput(FieldErrors),
    /// The archive could not be made.
    #[error("archive: {0}")]
    Archive(String),
    /// The object store did not do it.
    #[error(transparent)]
    Storage(#[from] ObjectError),
    /// The database did not do it.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue did not do it.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl From<FieldErrors> for ProjectError {
    fn from(errors: FieldErrors) -> Self {
        Self::InvalidInput(errors)
    }
}

impl Projects {
    pub(crate) fn new(queue: Queue, objects: Objects, max_projects: u64) -> Self {
        Self { queue, objects, max_projects }
    }
}

impl std::fmt::Debug for Projects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Projects").finish_non_exhaustive()
    }
}

pub(crate) fn project_target(id: ProjectId) -> Option<String> {
    Some(format!("project:{id}"))
}

/// Folder of a project's archives in the object store.
fn archive_folder(id: ProjectId) -> String {
    format!("zips/{id}")
}
