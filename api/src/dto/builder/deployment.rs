//! Publishing.

use atelier_builder::deployments::{DeploymentInput, DeploymentLog, Platform};
use atelier_entities::{DeploymentStatus, deployments};
use atelier_queue::LogLevel;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    dto::jobs::JobView,
    schema::{ToSchema, sets},
};

/// A place to publish to.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlatformView {
    /// Its stable name.
    #[schema(value_type = sets::DeploymentPlatform)]
    id: &'static str,
    /// Its name for people.
    name: &'static str,
    /// What it does.
    description: &'static str,
    /// Whether it can be used on this instance.
    available: bool,
    /// What it needs to be used.
    requires: Vec<&'static str>,
}

impl From<Platform> for PlatformView {
    fn from(platform: Platform) -> Self {
        let Platform { id, name, description, available, requires } = platform;
        Self { id, name, description, available, requires }
    }
}

/// Where and what to publish.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct DeployInput {
    /// Where to; preview where it is left out.
    #[schema(value_type = Option<sets::DeploymentPlatform>)]
    platform: Option<String>,
    /// The version's number; the current one where it is left out.
    version: Option<i32>,
}

impl From<DeployInput> for DeploymentInput {
    fn from(input: DeployInput) -> Self {
        let platform = input.platform.unwrap_or_else(|| "preview".to_owned());
        Self { platform, version: input.version }
    }
}

/// One publication of a version.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeploymentView {
    /// UUIDv7.
    id: Uuid,
    /// The project.
    project_id: Uuid,
    /// The version's number.
    version: i32,
    /// Where to.
    #[schema(value_type = sets::DeploymentPlatform)]
    platform: String,
    /// What became of it.
    #[schema(value_type = sets::DeploymentStatus)]
    status: DeploymentStatus,
    /// Its part of the address.
    slug: String,
    /// Where it runs, once it is live.
    url: Option<String>,
    /// The job that publishes it.
    job_id: Option<Uuid>,
    /// Why it failed.
    error: Option<String>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
}

impl From<deployments::Model> for DeploymentView {
    fn from(deployment: deployments::Model) -> Self {
        Self {
            id: deployment.id.0,
            project_id: deployment.project_id.0,
            version: deployment.version_number,
            platform: deployment.platform,
            status: deployment.status,
            slug: deployment.slug,
            url: deployment.url,
            job_id: deployment.job_id.map(|id| id.0),
            error: deployment.error,
            created_at: deployment.created_at,
            updated_at: deployment.updated_at,
            finished_at: deployment.finished_at,
        }
    }
}

/// A publication that was started.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeploymentAnswer {
    /// The publication.
    pub(crate) deployment: DeploymentView,
    /// The job; `Location` is its address.
    pub(crate) job: JobView,
}

/// How the latest publication of a project stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeploymentStatusView {
    /// The publication's status, or that there is none.
    #[schema(value_type = sets::LatestDeploymentStatus)]
    pub(crate) status: &'static str,
    /// Where it runs, once it is live.
    pub(crate) url: Option<String>,
    /// The publication; none where there was none yet.
    pub(crate) deployment: Option<DeploymentView>,
    /// What its job told, oldest first.
    pub(crate) logs: Vec<LogLineView>,
}

/// A line of a job's log.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogLineView {
    /// How much it matters.
    #[schema(value_type = sets::LogLevel)]
    level: LogLevel,
    /// The line.
    message: String,
    /// When it was written.
    created_at: DateTime<Utc>,
}

impl From<DeploymentLog> for LogLineView {
    fn from(line: DeploymentLog) -> Self {
        Self { level: line.level, message: line.message, created_at: line.at }
    }
}
