//! The caller's own account: profile, password, figures, all data, deletion.

mod personal_data;

use atelier_services::Services;
use axum::{
    Json,
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::signed_in::signed_in;
use crate::{
    dto::identity::{
        account::{SignedInView, SuccessView},
        personal_data::{AccountDataView, PersonalDataView},
        profile::{
            ChangePasswordInput, DeleteAccountInput, PersonalStatsView, ProfileAnswer, UpdateProfileInput,
        },
    },
    error::{ApiError, ErrorBody},
    extract::{Authenticated, JsonBody, OptionalJsonBody, UserSession},
    policy::Limit,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

const TAG: &str = "Accounts";

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(get_profile, update_profile))
        .add(route(routes!(delete_account)).costs(Limit::SignIn))
        .add(route(routes!(change_password)).costs(Limit::SignIn).answers_secret())
        .add(routes!(get_personal_stats))
        .add(route(routes!(export_personal_data)).costs(Limit::Generation))
}

/// The caller's profile and settings.
#[operation(
    get, path = "/api/users/me", tag = TAG,
    responses((status = 200, description = "The profile.", body = ProfileAnswer))
)]
async fn get_profile(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
) -> Result<Json<ProfileAnswer>, ApiError> {
    let user = state.services.foundation.identity.get_own_account(&actor).await?;
    Ok(Json(ProfileAnswer { user: user.into() }))
}

/// Changes the caller's profile and settings. What is left out stays as it is.
#[operation(
    put, path = "/api/users/me", tag = TAG,
    request_body = UpdateProfileInput,
    responses((status = 200, description = "The profile as it is now.", body = ProfileAnswer))
)]
async fn update_profile(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    JsonBody(input): JsonBody<UpdateProfileInput>,
) -> Result<Json<ProfileAnswer>, ApiError> {
    let user = state.services.foundation.identity.update_profile(&actor, input.into()).await?;
    Ok(Json(ProfileAnswer { user: user.into() }))
}

/// Deletes the caller's account and everything in it.
///
/// Jobs are cancelled, projects, sites and mails erased. There is no way back.
#[operation(
    delete, path = "/api/users/me", tag = TAG,
    request_body(content = DeleteAccountInput, description = "May be left out after a sign-in at another provider, and by an account without a password."),
    responses(
        (status = 200, description = "Deleted.", body = SuccessView),
        (
            status = 403, body = ErrorBody,
            description = "WRONG_PASSWORD, RECENT_SIGN_IN_REQUIRED, or INSUFFICIENT_SCOPE for an API token.",
        ),
        (status = 409, description = "LAST_ADMIN: somebody has to operate the platform.", body = ErrorBody),
    )
)]
async fn delete_account(
    State(state): State<ApiState>,
    UserSession(actor): UserSession,
    OptionalJsonBody(input): OptionalJsonBody<DeleteAccountInput>,
) -> Result<Json<SuccessView>, ApiError> {
    state.services.foundation.identity.delete_account(&actor, &input.password).await?;
    Ok(Json(SuccessView::DONE))
}

/// Changes the caller's password.
///
/// Every sign-in of the account ends; the answer is a new one. API tokens stay.
#[operation(
    put, path = "/api/users/me/password", tag = TAG,
    request_body = ChangePasswordInput,
    responses(
        (status = 200, description = "The account and new tokens.", body = SignedInView),
        (
            status = 403, body = ErrorBody,
            description = "WRONG_PASSWORD, or INSUFFICIENT_SCOPE for an API token.",
        ),
    )
)]
async fn change_password(
    State(state): State<ApiState>,
    UserSession(actor): UserSession,
    JsonBody(input): JsonBody<ChangePasswordInput>,
) -> Result<Response, ApiError> {
    let identity = &state.services.foundation.identity;
    let done = identity.change_password(&actor, &input.current_password, &input.new_password).await?;
    Ok(signed_in(StatusCode::OK, done))
}

/// What the caller has and did.
#[operation(
    get, path = "/api/users/me/stats", operation_id = "get_profile_stats", tag = TAG,
    responses((status = 200, description = "The figures.", body = PersonalStatsView))
)]
async fn get_personal_stats(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
) -> Result<Json<PersonalStatsView>, ApiError> {
    let Services { foundation, builder, .. } = &state.services;
    let account = foundation.identity.get_own_account(&actor).await?;
    let stats = foundation.identity.personal_stats(&actor).await?;
    let versions = builder.versions.count_owned(&actor).await?;
    let live_sites = builder.deployments.count_live(&actor).await?;
    Ok(Json(PersonalStatsView {
        projects: stats.projects,
        completed_projects: stats.completed_projects,
        versions,
        live_sites,
        views: stats.views,
        credits: stats.credits,
        credits_used: stats.credits_used,
        member_since: account.created_at,
    }))
}

/// Everything that is held about the caller, in one document.
///
/// It is streamed, however long it is. An answer that breaks off is not complete: the whole
/// one ends with `totals`. Files of versions are named with the address at which they are
/// read. Only for the person themselves.
#[operation(
    get, path = "/api/users/me/export", tag = TAG,
    responses(
        (
            status = 200, description = "The document.", body = PersonalDataView,
            headers(("Content-Disposition" = String))
        ),
        (status = 403, description = "INSUFFICIENT_SCOPE for an API token.", body = ErrorBody),
    )
)]
async fn export_personal_data(
    State(state): State<ApiState>,
    UserSession(actor): UserSession,
) -> Result<Response, ApiError> {
    let (account, rows) = state.services.foundation.identity.start_export(&actor).await?;
    let account = AccountDataView::new(account, state.services.queue.now());
    let document = personal_data::stream(&account, rows).map_err(ApiError::internal)?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"atelier-data.json\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(document)).into_response())
}

#[cfg(test)]
mod tests;
