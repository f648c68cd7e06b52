//! Proving a mail address, and choosing another password, by mailed links.

use axum::{Json, extract::State};

use crate::{
    dto::identity::{
        account::SuccessView,
        account_link::{EmailInput, LinkInput, ResetPasswordInput},
    },
    error::{ApiError, ErrorBody},
    extract::{Anyone, JsonBody},
    policy::Limit,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

const TAG: &str = "Accounts";

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(route(routes!(verify_email)).costs(Limit::SignIn))
        .add(route(routes!(resend_verification)).costs(Limit::SignIn))
        .add(route(routes!(forgot_password)).costs(Limit::SignIn))
        .add(route(routes!(reset_password)).costs(Limit::SignIn))
}

/// Proves a mail address by the token that was sent there.
#[operation(
    post, path = "/api/auth/verify-email", tag = TAG, security(()),
    request_body = LinkInput,
    responses(
        (status = 200, description = "Proven.", body = SuccessView),
        (status = 400, description = "LINK_INVALID or LINK_EXPIRED, or no JSON.", body = ErrorBody),
    )
)]
async fn verify_email(
    State(state): State<ApiState>,
    Anyone(actor): Anyone,
    JsonBody(input): JsonBody<LinkInput>,
) -> Result<Json<SuccessView>, ApiError> {
    state.services.foundation.identity.verify_email(&actor, &input.token).await?;
    Ok(Json(SuccessView::DONE))
}

/// Mails another link that proves the address.
///
/// The answer is the same whether there is an account of that address or not.
#[operation(
    post, path = "/api/auth/resend-verification", tag = TAG, security(()),
    request_body = EmailInput,
    responses((status = 200, description = "Asked for.", body = SuccessView))
)]
async fn resend_verification(
    State(state): State<ApiState>,
    Anyone(actor): Anyone,
    JsonBody(input): JsonBody<EmailInput>,
) -> Result<Json<SuccessView>, ApiError> {
    state.services.foundation.identity.resend_verification(&actor, &input.email).await?;
    Ok(Json(SuccessView::DONE))
}

/// Mails a link to choose another password.
///
/// The answer is the same whether there is an account of that address or not.
#[operation(
    post, path = "/api/auth/forgot-password", tag = TAG, security(()),
    request_body = EmailInput,
    responses((status = 200, description = "Asked for.", body = SuccessView))
)]
async fn forgot_password(
    State(state): State<ApiState>,
    Anyone(actor): Anyone,
    JsonBody(input): JsonBody<EmailInput>,
) -> Result<Json<SuccessView>, ApiError> {
    state.services.foundation.identity.forgot_password(&actor, &input.email).await?;
    Ok(Json(SuccessView::DONE))
}

/// Chooses another password by the token of a mail.
///
/// Every sign-in of the account ends.
#[operation(
    post, path = "/api/auth/reset-password", tag = TAG, security(()),
    request_body = ResetPasswordInput,
    responses(
        (status = 200, description = "Changed.", body = SuccessView),
        (status = 400, description = "LINK_INVALID or LINK_EXPIRED, or no JSON.", body = ErrorBody),
    )
)]
async fn reset_password(
    State(state): State<ApiState>,
    Anyone(actor): Anyone,
    JsonBody(input): JsonBody<ResetPasswordInput>,
) -> Result<Json<SuccessView>, ApiError> {
    state.services.foundation.identity.reset_password(&actor, &input.token, &input.new_password).await?;
    Ok(Json(SuccessView::DONE))
}

#[cfg(test)]
mod tests;
