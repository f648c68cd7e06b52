//! Where a person is signed in.

use atelier_entities::SessionFamilyId;
use axum::{Json, extract::State};
use uuid::Uuid;

use crate::{
    dto::identity::{account::SuccessView, session::SessionView},
    error::ApiError,
    extract::{ApiPath, Authenticated, UserSession},
    route::{Routes, operation, routes},
    state::ApiState,
};

const TAG: &str = "Accounts";

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(list_sessions, end_other_sessions)).add(routes!(end_session))
}

/// Where the caller is signed in, last used first.
#[operation(
    get, path = "/api/auth/sessions", tag = TAG,
    responses((status = 200, description = "The sign-ins.", body = Vec<SessionView>))
)]
async fn list_sessions(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
) -> Result<Json<Vec<SessionView>>, ApiError> {
    let sign_ins = state.services.foundation.identity.list_sign_ins(&actor).await?;
    Ok(Json(sign_ins.into_iter().map(|sign_in| SessionView::new(sign_in, actor.session())).collect()))
}

/// Ends every sign-in of the caller but the one that asks.
///
/// That one ends at /api/auth/logout. API tokens stay.
#[operation(
    delete, path = "/api/auth/sessions", tag = TAG,
    responses((status = 200, description = "Ended.", body = SuccessView))
)]
async fn end_other_sessions(
    State(state): State<ApiState>,
    UserSession(actor): UserSession,
) -> Result<Json<SuccessView>, ApiError> {
    state.services.foundation.identity.end_other_sign_ins(&actor).await?;
    Ok(Json(SuccessView::DONE))
}

/// Ends one of the caller's sign-ins: its tokens stop working.
#[operation(
    delete, path = "/api/auth/sessions/{id}", tag = TAG,
    params(("id" = Uuid, Path, description = "The session's id")),
    responses((status = 200, description = "Ended.", body = SuccessView))
)]
async fn end_session(
    State(state): State<ApiState>,
    UserSession(actor): UserSession,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<SuccessView>, ApiError> {
    state.services.foundation.identity.end_sign_in(&actor, SessionFamilyId(id)).await?;
    Ok(Json(SuccessView::DONE))
}

#[cfg(test)]
mod tests;
