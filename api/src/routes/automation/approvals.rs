//! Approvals by their links. They need no sign-in: only whoever was asked has the link.

use axum::{Json, extract::State};

use super::RUNS as TAG;
use crate::{
    dto::automation::run_node::{ApprovalView, DecidedView, DecisionInput},
    error::{ApiError, ErrorBody},
    extract::{Anyone, ApiPath, JsonBody},
    policy::Limit,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new().add(route(routes!(get_approval, decide_by_link)).costs(Limit::SignIn))
}

/// What the link of an approval asks. Reading it decides nothing.
#[operation(
    get, path = "/api/v1/automation/approvals/{token}", tag = TAG, security(()),
    params(("token" = String, Path, description = "The link's token")),
    responses(
        (status = 200, description = "The question.", body = ApprovalView),
        (status = 410, body = ErrorBody, description = "WAIT_OVER: somebody decided before, or its time is over."),
    )
)]
async fn get_approval(
    State(state): State<ApiState>,
    ApiPath(token): ApiPath<String>,
) -> Result<Json<ApprovalView>, ApiError> {
    Ok(Json(state.services.automation.runs.get_approval(&token).await?.into()))
}

/// Decides about an approval by its link, once.
#[operation(
    post, path = "/api/v1/automation/approvals/{token}", tag = TAG, security(()),
    params(("token" = String, Path, description = "The link's token")), request_body = DecisionInput,
    responses(
        (status = 200, description = "Decided.", body = DecidedView),
        (status = 410, body = ErrorBody, description = "WAIT_OVER: somebody decided before, or its time is over."),
    )
)]
async fn decide_by_link(
    State(state): State<ApiState>,
    Anyone(actor): Anyone,
    ApiPath(token): ApiPath<String>,
    JsonBody(input): JsonBody<DecisionInput>,
) -> Result<Json<DecidedView>, ApiError> {
    let approved = input.approved;
    state.services.automation.runs.decide_by_token(&actor, &token, input.into()).await?;
    Ok(Json(DecidedView { approved }))
}
