//! Deployments that workflows start.

use async_trait::async_trait;
use atelier_entities::ProjectId;
use atelier_foundation::{
    Actor, Problem,
    actions::{Action, ActionError, ActionRequest, StartedAction},
};
use atelier_queue::Transaction;
use serde::Deserialize;

use super::{
    DeploymentError, PREVIEW,
    commands::{Wanted, find_platform, start_in},
};

/// Publishes a version of a project.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeployApp;

/// What is to be published.
#[derive(Deserialize)]
struct Params {
    project: ProjectId,
    /// The id of a platform; the built-in one where it is absent.
    target: Option<String>,
    /// The number of a version; the current one where it is absent.
    version: Option<i32>,
}

#[async_trait]
impl Action for DeployApp {
    fn name(&self) -> &'static str {
        "deploy_app"
    }

    async fn start(&self, tx: &Transaction, request: &ActionRequest) -> Result<StartedAction, ActionError> {
        let params = Params::deserialize(&request.params).map_err(|error| ActionError::of_params(&error))?;
        let actor = Actor::of_job(Some(request.owner));
        let platform = find_platform(params.target.as_deref().unwrap_or(PREVIEW))?;
        let wanted = Wanted { platform, version: params.version, waiter: Some(request.waiter) };
        let (_, job) = start_in(tx, &actor, request.owner, params.project, wanted).await?;
        Ok(StartedAction::Job(job.id))
    }
}

impl From<DeploymentError> for ActionError {
    fn from(error: DeploymentError) -> Self {
        match error {
            DeploymentError::Database(error) => error.into(),
            DeploymentError::Queue(error) => error.into(),
            running @ DeploymentError::AlreadyRunning(_) => Self::refused(running.refusal()).retryable(),
            other => Self::refused(other.refusal()),
        }
    }
}

#[cfg(test)]
mod tests;
