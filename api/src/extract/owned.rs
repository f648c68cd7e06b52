//! The project, job, workflow, run, schedule, integration or webhook that the `{id}` of a path names, where the caller
//! may see it. Checked again before a kept answer is replayed.

use atelier_entities::{
    IntegrationId, JobId, ProjectId, RunId, WebhookSubscriptionId, WorkflowId, WorkflowScheduleId, jobs,
};
use atelier_foundation::Actor;
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use uuid::Uuid;

use super::Authenticated;
use crate::{error::ApiError, state::ApiState};

/// A project of the caller; 404 where it is another person's or was deleted.
pub(crate) struct OwnProject;

/// A workflow of the caller; 404 where it is another person's or was deleted. Handlers take it before the
/// body, so that a body says nothing of other people's workflows.
pub(crate) struct OwnWorkflow;

/// A run of the caller; 404 where it is another person's or was deleted. Handlers take it before the body.
pub(crate) struct OwnRun;

/// An integration of the caller; 404 where it is another person's or was deleted. Handlers take it before the
/// body.
pub(crate) struct OwnIntegration;

/// A schedule of the caller; 404 where it is another person's. Handlers take it before the body.
pub(crate) struct OwnSchedule;

/// A webhook of the caller; 404 where it is another person's. Handlers take it before the body.
pub(crate) struct OwnWebhook;

/// A job that the caller may see; 404 otherwise.
pub(crate) struct VisibleJob;

impl FromRequestParts<ApiState> for OwnProject {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Authenticated(actor) =
            <Authenticated as FromRequestParts<ApiState>>::from_request_parts(parts, state).await?;
        let id = path_id(parts, state).await.ok_or_else(|| ApiError::not_found("project"))?;
        state.services.foundation.projects.get(&actor, ProjectId(id)).await?;
        Ok(Self)
    }
}

impl FromRequestParts<ApiState> for VisibleJob {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Authenticated(actor) =
            <Authenticated as FromRequestParts<ApiState>>::from_request_parts(parts, state).await?;
        let id = path_id(parts, state).await.ok_or_else(|| ApiError::not_found("job"))?;
        get_job(state, &actor, id).await?;
        Ok(Self)
    }
}

impl FromRequestParts<ApiState> for OwnWorkflow {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Authenticated(actor) =
            <Authenticated as FromRequestParts<ApiState>>::from_request_parts(parts, state).await?;
        let id = path_id(parts, state).await.ok_or_else(|| ApiError::not_found("workflow"))?;
        state.services.automation.workflows.get(&actor, WorkflowId(id)).await?;
        Ok(Self)
    }
}

impl FromRequestParts<ApiState> for OwnRun {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Authenticated(actor) =
            <Authenticated as FromRequestParts<ApiState>>::from_request_parts(parts, state).await?;
        let id = path_id(parts, state).await.ok_or_else(|| ApiError::not_found("run"))?;
        state.services.automation.runs.get_summary(&actor, RunId(id)).await?;
        Ok(Self)
    }
}

impl FromRequestParts<ApiState> for OwnSchedule {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Authenticated(actor) =
            <Authenticated as FromRequestParts<ApiState>>::from_request_parts(parts, state).await?;
        let id = path_id(parts, state).await.ok_or_else(|| ApiError::not_found("schedule"))?;
        state.services.automation.schedules.get(&actor, WorkflowScheduleId(id)).await?;
        Ok(Self)
    }
}

impl FromRequestParts<ApiState> for OwnIntegration {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Authenticated(actor) =
            <Authenticated as FromRequestParts<ApiState>>::from_request_parts(parts, state).await?;
        let id = path_id(parts, state).await.ok_or_else(|| ApiError::not_found("integration"))?;
        state.services.automation.integrations.get(&actor, IntegrationId(id)).await?;
        Ok(Self)
    }
}

impl FromRequestParts<ApiState> for OwnWebhook {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Authenticated(actor) =
            <Authenticated as FromRequestParts<ApiState>>::from_request_parts(parts, state).await?;
        let id = path_id(parts, state).await.ok_or_else(|| ApiError::not_found("webhook"))?;
        state.services.automation.webhooks.get(&actor, WebhookSubscriptionId(id)).await?;
        Ok(Self)
    }
}

/// The job of that id, where the caller may see it; 404 otherwise.
pub(crate) async fn get_job(state: &ApiState, actor: &Actor, id: Uuid) -> Result<jobs::Model, ApiError> {
    Ok(state.services.get_job(actor, JobId(id)).await?)
}

/// The UUID of the `{id}` in the path.
async fn path_id(parts: &mut Parts, state: &ApiState) -> Option<Uuid> {
    let names = RawPathParams::from_request_parts(parts, state).await.ok()?;
    names.iter().find(|(name, _)| *name == "id").and_then(|(_, id)| id.parse().ok())
}
