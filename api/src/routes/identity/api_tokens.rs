//! API tokens: what scripts sign in with.

use atelier_entities::ApiTokenId;
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use crate::{
    dto::identity::{
        account::SuccessView,
        api_token::{ApiTokenView, CreateApiTokenInput, MadeApiTokenView},
    },
    error::{ApiError, ErrorBody},
    extract::{ApiPath, Authenticated, JsonBody, UserSession},
    policy::Limit,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

const TAG: &str = "Accounts";

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_api_tokens))
        .add(route(routes!(create_api_token)).costs(Limit::SignIn).answers_secret())
        .add(routes!(delete_api_token))
}

/// The caller's API tokens, newest first, without their secrets.
#[operation(
    get, path = "/api/auth/tokens", tag = TAG,
    responses((status = 200, description = "The tokens.", body = Vec<ApiTokenView>))
)]
async fn list_api_tokens(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
) -> Result<Json<Vec<ApiTokenView>>, ApiError> {
    let tokens = state.services.foundation.identity.list_api_tokens(&actor).await?;
    Ok(Json(tokens.into_iter().map(ApiTokenView::from).collect()))
}

/// Makes an API token. It is shown this once.
///
/// It is accepted wherever an access token is, as far as its scopes go; it can never
/// make tokens, change the password or delete the account. Since it outlives the sign-in,
/// making it asks for a sign-in of the last ten minutes, or for the password. The person
/// is told by mail.
#[operation(
    post, path = "/api/auth/tokens", tag = TAG,
    request_body = CreateApiTokenInput,
    responses(
        (status = 201, description = "The token.", body = MadeApiTokenView),
        (
            status = 403, body = ErrorBody,
            description = "RECENT_SIGN_IN_REQUIRED, WRONG_PASSWORD, or INSUFFICIENT_SCOPE for an API token.",
        ),
        (status = 409, description = "TOO_MANY_API_TOKENS: there are 50 already.", body = ErrorBody),
    )
)]
async fn create_api_token(
    State(state): State<ApiState>,
    UserSession(actor): UserSession,
    JsonBody(input): JsonBody<CreateApiTokenInput>,
) -> Result<Response, ApiError> {
    let (input, password) = input.into_parts();
    let identity = &state.services.foundation.identity;
    let made = identity.create_api_token(&actor, password.as_deref(), input).await?;
    let view = Json(MadeApiTokenView::from(made));
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], view).into_response())
}

/// Deletes an API token: it is refused from now on.
#[operation(
    delete, path = "/api/auth/tokens/{id}", tag = TAG,
    params(("id" = Uuid, Path, description = "The token's id")),
    responses((status = 200, description = "Deleted.", body = SuccessView))
)]
async fn delete_api_token(
    State(state): State<ApiState>,
    UserSession(actor): UserSession,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<SuccessView>, ApiError> {
    state.services.foundation.identity.delete_api_token(&actor, ApiTokenId(id)).await?;
    Ok(Json(SuccessView::DONE))
}

#[cfg(test)]
mod tests;
