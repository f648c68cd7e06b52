//! What the `{id}` of an address names, where the caller may ask for it: asked again before
//! an answer that was kept is given to them.

use atelier_entities::ProjectId;
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use uuid::Uuid;

use super::Authenticated;
use crate::{app::ApiState, error::ApiError, routes};

/// A project of the caller; 404 where it is another person's or was deleted.
pub(crate) struct OwnProject;

/// A job that the caller sees; 404 otherwise.
pub(crate) struct SeenJob;

impl FromRequestParts<ApiState> for OwnProject {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Authenticated(actor) =
            <Authenticated as FromRequestParts<ApiState>>::from_request_parts(parts, state).await?;
        let id = named(parts, state).await.ok_or_else(|| ApiError::not_found("project"))?;
        state.services.foundation.projects.get(&actor, ProjectId(id)).await?;
        Ok(Self)
    }
}

impl FromRequestParts<ApiState> for SeenJob {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Authenticated(actor) =
            <Authenticated as FromRequestParts<ApiState>>::from_request_parts(parts, state).await?;
        let id = named(parts, state).await.ok_or_else(|| ApiError::not_found("job"))?;
        routes::jobs::find(state, &actor, id).await?;
        Ok(Self)
    }
}

async fn named(parts: &mut Parts, state: &ApiState) -> Option<Uuid> {
    let names = RawPathParams::from_request_parts(parts, state).await.ok()?;
    names.iter().find(|(name, _)| *name == "id").and_then(|(_, id)| id.parse().ok())
}
