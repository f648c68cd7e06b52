//! Providers that open the caller's account.

use axum::{Json, extract::State};

use crate::{
    dto::identity::{
        account::SuccessView,
        linked_account::{LinkedAccountView, UnlinkInput, parse_provider},
    },
    error::{ApiError, ErrorBody},
    extract::{ApiPath, Authenticated, OptionalJsonBody, UserSession},
    policy::Limit,
    route::{Routes, operation, route, routes},
    schema::sets,
    state::ApiState,
};

const TAG: &str = "Accounts";

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(list_linked_accounts)).add(route(routes!(unlink_account)).costs(Limit::SignIn))
}

/// The providers that open the caller's account, first linked first.
#[operation(
    get, path = "/api/auth/identities", tag = TAG,
    responses((status = 200, description = "The accounts there.", body = Vec<LinkedAccountView>))
)]
async fn list_linked_accounts(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
) -> Result<Json<Vec<LinkedAccountView>>, ApiError> {
    let linked = state.services.foundation.identity.list_linked(&actor).await?;
    Ok(Json(linked.into_iter().map(LinkedAccountView::from).collect()))
}

/// Removes a provider from the caller's account, and tells the person by mail.
///
/// Sign-ins that came by it go on: they are ended at /api/auth/sessions. Whoever signs in
/// there with a proven address that is the account's links it again. The last way into an
/// account stays.
#[operation(
    delete, path = "/api/auth/identities/{provider}", tag = TAG,
    params(("provider" = sets::SignInProvider, Path, description = "Where")),
    request_body(content = UnlinkInput, description = "May be left out by an account without a password."),
    responses(
        (status = 200, description = "Removed.", body = SuccessView),
        (
            status = 403, body = ErrorBody,
            description = "WRONG_PASSWORD, RECENT_SIGN_IN_REQUIRED, or INSUFFICIENT_SCOPE for an API token.",
        ),
        (status = 404, description = "It is not linked.", body = ErrorBody),
        (status = 409, description = "LAST_WAY_IN: nothing else opens the account.", body = ErrorBody),
    )
)]
async fn unlink_account(
    State(state): State<ApiState>,
    UserSession(actor): UserSession,
    ApiPath(provider): ApiPath<String>,
    OptionalJsonBody(input): OptionalJsonBody<UnlinkInput>,
) -> Result<Json<SuccessView>, ApiError> {
    let provider = parse_provider(&provider)?;
    state.services.foundation.identity.unlink(&actor, provider, &input.password).await?;
    Ok(Json(SuccessView::DONE))
}

/// A provider that may be linked, also where nobody can sign in by it any more.
#[cfg(test)]
mod tests;
