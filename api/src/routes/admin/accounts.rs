//! Accounts: list, show, update, deactivate, delete.

use atelier_entities::UserId;
use atelier_foundation::{Actor, COUNT_LIMIT, identity::AccountChanges};
use axum::{Json, extract::State, response::Response};
use uuid::Uuid;

use super::TAG;
use crate::{
    dto::{
        admin::accounts::{
            AccountQuery, AdminUserAnswer, AdminUserDetailView, AdminUserView, UpdateUserInput,
        },
        identity::{account::SuccessView, linked_account::parse_provider},
    },
    error::{ApiError, ErrorBody},
    extract::{Admin, ApiPath, ApiQuery, JsonBody, PageParams, Pagination},
    route::{Routes, operation, routes},
    schema::sets,
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_users))
        .add(routes!(get_user, update_user, delete_user))
        .add(routes!(deactivate_user))
        .add(routes!(activate_user))
        .add(routes!(unlink_account_of))
}

/// The accounts, newest first unless another order is asked for.
#[operation(
    get, path = "/api/admin/users", tag = TAG, params(AccountQuery, PageParams),
    responses((
        status = 200, description = "A page of them.", body = Vec<AdminUserView>
    ))
)]
async fn list_users(
    State(state): State<ApiState>,
    _: Admin,
    ApiQuery(query): ApiQuery<AccountQuery>,
    pagination: Pagination,
) -> Result<Response, ApiError> {
    let (filter, order) = query.check()?;
    let (users, total) = state.services.admin.list_accounts(&filter, order, pagination.page()).await?;
    let views: Vec<AdminUserView> = users.into_iter().map(AdminUserView::from).collect();
    Ok(pagination.answer_capped(&views, total, COUNT_LIMIT))
}

/// An account with how much it has.
#[operation(
    get, path = "/api/admin/users/{id}", tag = TAG,
    params(("id" = Uuid, Path, description = "The account's id")),
    responses((status = 200, description = "The account.", body = AdminUserDetailView))
)]
async fn get_user(
    State(state): State<ApiState>,
    _: Admin,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<AdminUserDetailView>, ApiError> {
    Ok(Json(state.services.admin.get_account(UserId(id)).await?.into()))
}

/// Changes an account. What is left out, or is so already, stays as it is.
///
/// Another mail address ends every sign-in, is to be proven, and is told to the former one.
/// Each kind of change is recorded in the audit log with what was before. Sent twice, it
/// changes nothing twice: `credits` is the balance as it is to be.
#[operation(
    put, path = "/api/admin/users/{id}", tag = TAG,
    params(("id" = Uuid, Path, description = "The account's id")),
    request_body = UpdateUserInput,
    responses(
        (status = 200, description = "The account as it is now.", body = AdminUserAnswer),
        (
            status = 409, body = ErrorBody,
            description = "EMAIL_TAKEN; LAST_ADMIN: somebody has to operate the platform; or \
                EMAIL_UNPROVEN: an administrator needs a proven mail address.",
        ),
    )
)]
async fn update_user(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(id): ApiPath<Uuid>,
    JsonBody(input): JsonBody<UpdateUserInput>,
) -> Result<Json<AdminUserAnswer>, ApiError> {
    change(&state, &actor, id, input.into()).await
}

/// Deactivates an account: its sign-ins end, and every token of it is refused at once.
///
/// Its generations and deployments that wait or run are cancelled.
#[operation(
    patch, path = "/api/admin/users/{id}/deactivate", tag = TAG,
    params(("id" = Uuid, Path, description = "The account's id")),
    responses(
        (status = 200, description = "It is deactivated.", body = AdminUserAnswer),
        (status = 409, description = "LAST_ADMIN: somebody has to operate the platform.", body = ErrorBody),
    )
)]
async fn deactivate_user(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<AdminUserAnswer>, ApiError> {
    let changes = AccountChanges { is_active: Some(false), ..AccountChanges::default() };
    change(&state, &actor, id, changes).await
}

/// Lets the person of an account sign in again. API tokens that have not expired are
/// good again too.
#[operation(
    patch, path = "/api/admin/users/{id}/activate", tag = TAG,
    params(("id" = Uuid, Path, description = "The account's id")),
    responses((status = 200, description = "It is active.", body = AdminUserAnswer))
)]
async fn activate_user(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<AdminUserAnswer>, ApiError> {
    let changes = AccountChanges { is_active: Some(true), ..AccountChanges::default() };
    change(&state, &actor, id, changes).await
}

/// Removes a provider from an account, ends its sign-ins and tells the person by mail.
///
/// Whoever is left without a password and another provider chooses a password by a mailed
/// link.
#[operation(
    delete, path = "/api/admin/users/{id}/identities/{provider}", operation_id = "unlink_account_of_user",
    tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The account's id"),
        ("provider" = sets::SignInProvider, Path, description = "Where"),
    ),
    responses(
        (status = 200, description = "Removed.", body = SuccessView),
        (status = 404, description = "There is no such account, or it is not linked.", body = ErrorBody),
    )
)]
async fn unlink_account_of(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath((id, provider)): ApiPath<(Uuid, String)>,
) -> Result<Json<SuccessView>, ApiError> {
    let provider = parse_provider(&provider)?;
    state.services.foundation.identity.unlink_from_account(&actor, UserId(id), provider).await?;
    Ok(Json(SuccessView::DONE))
}

async fn change(
    state: &ApiState,
    actor: &Actor,
    id: Uuid,
    changes: AccountChanges,
) -> Result<Json<AdminUserAnswer>, ApiError> {
    let user = state.services.foundation.identity.change_account(actor, UserId(id), changes).await?;
    Ok(Json(AdminUserAnswer { user: user.into() }))
}

/// Deletes another person's account and everything in it.
///
/// Jobs are cancelled, projects, sites and mails erased. There is no way back. The audit
/// log keeps what the account did, without saying whose it was.
#[operation(
    delete, path = "/api/admin/users/{id}", tag = TAG,
    params(("id" = Uuid, Path, description = "The account's id")),
    responses(
        (status = 200, description = "Deleted.", body = SuccessView),
        (
            status = 409, body = ErrorBody,
            description = "LAST_ADMIN, or OWN_ACCOUNT: one's own is deleted at /api/users/me.",
        ),
    )
)]
async fn delete_user(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<SuccessView>, ApiError> {
    state.services.foundation.identity.delete_other_account(&actor, UserId(id)).await?;
    Ok(Json(SuccessView::DONE))
}
