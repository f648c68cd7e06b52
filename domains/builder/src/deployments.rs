//! Deployments: publish versions to platforms, and serve the sites of the built-in preview
//! platform.

mod action;
mod commands;
mod effect;
mod hosts;
mod jobs;
mod personal;
mod platforms;
mod publish;
mod site;
mod sites;
mod views;

use atelier_entities::{DeploymentId, DeploymentStatus, JobId, ProjectId, Timestamp, deployments};
use atelier_providers::object_store::{ObjectError, Objects};
use atelier_queue::{LogLevel, Queue, QueueError, Transaction};
use bytes::Bytes;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use crate::versions::no_version;
use atelier_foundation::{Class, FieldErrors, NotSignedIn, Problem, Refusal};

pub(crate) use action::DeployApp;
pub use effect::DeploymentEnded;
use hosts::Addresses;
pub use hosts::{HostKind, SiteHosts, is_slug};
pub use jobs::PublishDeployment;
pub(crate) use personal::Publications;
pub use platforms::{PREVIEW, Platform};

/// Deployments. Cheap to clone.
#[derive(Clone)]
pub struct Deployments {
    queue: Queue,
    objects: Objects,
    addresses: Addresses,
    views: views::Views,
}

/// The input of a deployment.
#[derive(Clone, Debug)]
pub struct DeploymentInput {
    /// Id of a platform, such as `preview`.
    pub platform: String,
    /// Number of the version; the current one by default.
    pub version: Option<i32>,
}

/// A line of a deployment's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentLog {
    /// When it was written.
    pub at: Timestamp,
    /// The level.
    pub level: LogLevel,
    /// The message.
    pub message: String,
}

/// The response of a published site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteResponse {
    /// The client has the current file, by its entity tag.
    Unchanged(String),
    /// A file.
    File(SiteFile),
    /// There is no such file: the site's `404.html`.
    Missing(SiteFile),
}

/// A file of a published site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteFile {
    /// The whole file.
    pub bytes: Bytes,
    /// The media type, by the file's extension.
    pub content_type: String,
    /// A strong entity tag, with its quotes.
    pub etag: String,
}

/// Why a command on deployments failed.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// A command that needs a person was called without one.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// The project does not exist, or belongs to another person.
    #[error("there is no such project")]
    NotFound,
    /// The project does not have this version.
    #[error("there is no such version")]
    NoVersion,
    /// Invalid fields.
    #[error("invalid input: {0}")]
    InvalidInput(FieldErrors),
    /// The platform exists, but this instance is not set up for it.
    #[error("the platform {0} is not available here")]
    PlatformUnavailable(&'static str),
    /// A deployment of the project has not ended.
    #[error("a deployment of this project is running already")]
    AlreadyRunning(JobId),
    /// The object store failed.
    #[error(transparent)]
    Storage(#[from] ObjectError),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl From<FieldErrors> for DeploymentError {
    fn from(errors: FieldErrors) -> Self {
        Self::InvalidInput(errors)
    }
}

impl Problem for DeploymentError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotSignedIn(error) => error.refusal(),
            Self::NotFound => Refusal::not_found("project"),
            Self::NoVersion => no_version(),
            Self::InvalidInput(errors) => errors.refusal(),
            Self::PlatformUnavailable(platform) => {
                let message = format!("This instance is not set up to publish to {platform}.");
                Refusal::new(Class::Conflict, "PLATFORM_UNAVAILABLE", message)
                    .with_detail("platform", *platform)
            }
            Self::AlreadyRunning(job) => {
                let message = "A deployment of this project is running already.";
                Refusal::in_progress("DEPLOYMENT_IN_PROGRESS", message, *job)
            }
            Self::Queue(error) => error.refusal(),
            Self::Storage(_) | Self::Database(_) => Refusal::internal(),
        }
    }
}

impl Deployments {
    pub(crate) fn new(queue: Queue, objects: Objects, public_url: &str, preview_url: &str) -> Self {
        let addresses = Addresses::new(public_url, preview_url);
        Self { queue, objects, addresses, views: views::Views::default() }
    }

    /// The hosts of sites; none where sites are folders of this instance.
    #[must_use]
    pub const fn hosts(&self) -> Option<&SiteHosts> {
        self.addresses.hosts()
    }
}

impl std::fmt::Debug for Deployments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deployments").finish_non_exhaustive()
    }
}

/// The states of a deployment that has not ended.
const UNDER_WAY: [DeploymentStatus; 2] = [DeploymentStatus::Queued, DeploymentStatus::Publishing];

fn is_under_way(status: DeploymentStatus) -> bool {
    UNDER_WAY.contains(&status)
}

/// The folder of a deployment's files in the object store. It is removed, at any later
/// time, once the deployment has ended without success or another one is live. So a
/// deployment that has ended is never published again: a retry is a new deployment with its
/// own folder.
fn site_folder(id: DeploymentId) -> String {
    format!("sites/{id}")
}

/// The folders of the sites of these projects.
pub(crate) async fn list_folders(tx: &Transaction, projects: &[ProjectId]) -> Result<Vec<String>, DbErr> {
    // Deployments in other states have no folder any more.
    let kept = [DeploymentStatus::Queued, DeploymentStatus::Publishing, DeploymentStatus::Live];
    let published = deployments::Entity::find()
        .filter(deployments::Column::ProjectId.is_in(projects.iter().copied()))
        .filter(deployments::Column::Status.is_in(kept))
        .select_only()
        .column(deployments::Column::Id)
        .into_tuple::<DeploymentId>()
        .all(&**tx)
        .await?;
    Ok(published.into_iter().map(site_folder).collect())
}
