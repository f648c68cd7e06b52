//! Accounts and sign-in.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::signed_in::signed_in;
use crate::{
    dto::identity::account::{
        LoginInput, RefreshInput, RegisterInput, SignedInView, SuccessView, UserAnswer, UserStatsView,
    },
    error::{ApiError, ErrorBody},
    extract::{Anyone, Authenticated, JsonBody, UserSession},
    policy::Limit,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

const TAG: &str = "Accounts";

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(route(routes!(register)).costs(Limit::SignIn).answers_secret())
        .add(route(routes!(login)).costs(Limit::SignIn).answers_secret())
        .add(route(routes!(refresh)).costs(Limit::SignIn).answers_secret())
        .add(routes!(logout))
        .add(routes!(get_me))
        .add(routes!(get_user_stats))
}

/// Creates an account and signs in.
///
/// The account starts with a grant of credits; a welcome mail is on its way, with a
/// link that proves the address. An instance may be set to tell nobody which addresses
/// have an account: it then answers 202 to everybody, and mails how to go on.
#[operation(
    post, path = "/api/auth/register", tag = TAG, security(()),
    request_body = RegisterInput,
    responses(
        (status = 201, description = "The account and its first tokens.", body = SignedInView),
        (
            status = 202, body = SuccessView,
            description = "A mail says how to go on, whether the address was free or not \
                (auth.hide_registered_emails).",
        ),
        (status = 409, description = "EMAIL_TAKEN: there is an account of this address.", body = ErrorBody),
    )
)]
async fn register(
    State(state): State<ApiState>,
    Anyone(actor): Anyone,
    JsonBody(input): JsonBody<RegisterInput>,
) -> Result<Response, ApiError> {
    let identity = &state.services.foundation.identity;
    if identity.hides_registered_emails() {
        identity.register_quietly(&actor, input.into()).await?;
        return Ok((StatusCode::ACCEPTED, Json(SuccessView::DONE)).into_response());
    }
    Ok(signed_in(StatusCode::CREATED, identity.register(&actor, input.into()).await?))
}

/// Signs in with mail address and password.
///
/// An unknown address and a wrong password get the same answer. After a few failures
/// each further one makes the next attempt wait longer (TOO_MANY_ATTEMPTS). The cookie of
/// the answer says to later attempts that the device signed in before.
#[operation(
    post, path = "/api/auth/login", tag = TAG, security(()),
    request_body = LoginInput,
    responses(
        (status = 200, description = "The account and new tokens.", body = SignedInView),
        (status = 401, description = "BAD_CREDENTIALS: wrong address or password.", body = ErrorBody),
        (status = 403, description = "ACCOUNT_DEACTIVATED: the account was closed.", body = ErrorBody),
    )
)]
async fn login(
    State(state): State<ApiState>,
    Anyone(actor): Anyone,
    JsonBody(input): JsonBody<LoginInput>,
) -> Result<Response, ApiError> {
    let identity = &state.services.foundation.identity;
    Ok(signed_in(StatusCode::OK, identity.login(&actor, &input.email, &input.password).await?))
}

/// Exchanges a refresh token for new tokens.
///
/// Each refresh token is good for one use. One that is used again later revokes the
/// whole sign-in, since somebody else may have it.
#[operation(
    post, path = "/api/auth/refresh", operation_id = "refresh_session", tag = TAG, security(()),
    request_body = RefreshInput,
    responses(
        (status = 200, description = "The account and new tokens.", body = SignedInView),
        (status = 401, description = "INVALID_TOKEN or TOKEN_EXPIRED: sign in again.", body = ErrorBody),
        (status = 403, description = "ACCOUNT_DEACTIVATED: the account was closed.", body = ErrorBody),
    )
)]
async fn refresh(
    State(state): State<ApiState>,
    Anyone(actor): Anyone,
    JsonBody(input): JsonBody<RefreshInput>,
) -> Result<Json<SignedInView>, ApiError> {
    Ok(Json(state.services.foundation.identity.refresh(&actor, &input.refresh_token).await?.into()))
}

/// Signs out: the tokens of this sign-in stop working.
#[operation(
    post, path = "/api/auth/logout", tag = TAG,
    responses((status = 200, description = "Signed out.", body = SuccessView))
)]
async fn logout(
    State(state): State<ApiState>,
    UserSession(actor): UserSession,
) -> Result<Json<SuccessView>, ApiError> {
    state.services.foundation.identity.logout(&actor).await?;
    Ok(Json(SuccessView::DONE))
}

/// The caller's account.
#[operation(
    get, path = "/api/auth/me", operation_id = "get_current_user", tag = TAG,
    responses((status = 200, description = "The account.", body = UserAnswer))
)]
async fn get_me(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
) -> Result<Json<UserAnswer>, ApiError> {
    let user = state.services.foundation.identity.get_own_account(&actor).await?;
    Ok(Json(UserAnswer { user: user.into() }))
}

/// What the caller has: projects and views.
#[operation(
    get, path = "/api/users/stats", tag = TAG,
    responses((status = 200, description = "The figures.", body = UserStatsView))
)]
async fn get_user_stats(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
) -> Result<Json<UserStatsView>, ApiError> {
    Ok(Json(state.services.foundation.identity.user_stats(&actor).await?.into()))
}
