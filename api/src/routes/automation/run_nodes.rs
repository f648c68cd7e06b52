//! One node of a run: its whole input and output, its attempts, its failed items, and the decision that it waits for.

use atelier_entities::RunId;
use axum::{Json, extract::State, http::StatusCode};
use uuid::Uuid;

use super::RUNS as TAG;
use crate::{
    dto::automation::{
        run::{RunView, WholeValue},
        run_node::{ApprovalLinkView, DecisionInput, RunNodeAttemptView, ScopeParams},
    },
    error::{ApiError, ErrorBody},
    extract::{ApiPath, ApiQuery, Authenticated, JsonBody, OwnRun},
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(get_run_node_input))
        .add(routes!(get_run_node_output))
        .add(routes!(list_run_node_attempts))
        .add(route(routes!(retry_run_items)).keeps::<OwnRun>())
        .add(route(routes!(decide_approval)).keeps::<OwnRun>())
        .add(route(routes!(create_approval_link)).answers_secret())
}

/// All that a node was given; null where it did not run, or begins the run.
#[operation(
    get, path = "/api/v1/automation/executions/{id}/nodes/{node}/input/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The run's id"),
        ("node" = String, Path, description = "The node's key"), ScopeParams,
    ),
    responses(
        (status = 200, description = "The input.", body = WholeValue),
        (status = 404, body = ErrorBody, description = "NODE_NOT_FOUND: the run has no such node."),
        (
            status = 409, body = ErrorBody,
            description = "VERSION_MISSING: the run's version cannot be read. OUTPUT_TOO_LARGE: the value is made \
                of more than can be shown at once.",
        ),
    )
)]
async fn get_run_node_input(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, node)): ApiPath<(Uuid, String)>,
    ApiQuery(at): ApiQuery<ScopeParams>,
) -> Result<Json<WholeValue>, ApiError> {
    let runs = &state.services.automation.runs;
    let value = runs.get_node_input(&actor, RunId(id), (&at.scope, &node)).await?;
    Ok(Json(WholeValue { value }))
}

/// The whole output of a node; null where it did not run, or failed.
#[operation(
    get, path = "/api/v1/automation/executions/{id}/nodes/{node}/output/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The run's id"),
        ("node" = String, Path, description = "The node's key"), ScopeParams,
    ),
    responses(
        (status = 200, description = "The output.", body = WholeValue),
        (status = 404, body = ErrorBody, description = "NODE_NOT_FOUND: the run has no such node."),
        (
            status = 409, body = ErrorBody,
            description = "VERSION_MISSING: the run's version cannot be read. OUTPUT_TOO_LARGE: the value is made \
                of more than can be shown at once.",
        ),
    )
)]
async fn get_run_node_output(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, node)): ApiPath<(Uuid, String)>,
    ApiQuery(at): ApiQuery<ScopeParams>,
) -> Result<Json<WholeValue>, ApiError> {
    let runs = &state.services.automation.runs;
    let value = runs.get_output(&actor, RunId(id), (&at.scope, &node)).await?;
    Ok(Json(WholeValue { value }))
}

/// The failed attempts of a node, in their order.
#[operation(
    get, path = "/api/v1/automation/executions/{id}/nodes/{node}/attempts/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The run's id"),
        ("node" = String, Path, description = "The node's key"), ScopeParams,
    ),
    responses((status = 200, description = "The attempts.", body = Vec<RunNodeAttemptView>))
)]
async fn list_run_node_attempts(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, node)): ApiPath<(Uuid, String)>,
    ApiQuery(at): ApiQuery<ScopeParams>,
) -> Result<Json<Vec<RunNodeAttemptView>>, ApiError> {
    let runs = &state.services.automation.runs;
    let attempts = runs.list_attempts(&actor, RunId(id), (&at.scope, &node)).await?;
    Ok(Json(attempts.into_iter().map(RunNodeAttemptView::from).collect()))
}

/// Runs the failed items of a loop again, and what follows the loop. Only of a run that succeeded.
#[operation(
    post, path = "/api/v1/automation/executions/{id}/nodes/{node}/retry-items/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The run's id"),
        ("node" = String, Path, description = "The loop's key"), ScopeParams,
    ),
    responses(
        (status = 202, description = "The run, which goes on.", body = RunView),
        (status = 404, body = ErrorBody, description = "NODE_NOT_FOUND: the run has no such node."),
        (
            status = 409, body = ErrorBody,
            description = "WRONG_STATE: the run has not succeeded. NOTHING_TO_RETRY: no item failed. \
                WORKFLOW_BUSY: as many runs of the workflow are under way as may be.",
        ),
    )
)]
async fn retry_run_items(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, node)): ApiPath<(Uuid, String)>,
    ApiQuery(at): ApiQuery<ScopeParams>,
) -> Result<(StatusCode, Json<RunView>), ApiError> {
    let runs = &state.services.automation.runs;
    let run = runs.retry_items(&actor, RunId(id), (&at.scope, &node)).await?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

/// Decides about the approval that a node waits for.
#[operation(
    post, path = "/api/v1/automation/executions/{id}/nodes/{node}/decide/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The run's id"),
        ("node" = String, Path, description = "The node's key"), ScopeParams,
    ),
    request_body = DecisionInput,
    responses(
        (status = 200, description = "The run as it is now.", body = RunView),
        (status = 404, body = ErrorBody, description = "WAIT_NOT_FOUND: the node waits for no decision."),
        (status = 410, body = ErrorBody, description = "WAIT_OVER: somebody decided before, or its time is over."),
    )
)]
async fn decide_approval(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, node)): ApiPath<(Uuid, String)>,
    _own: OwnRun,
    ApiQuery(at): ApiQuery<ScopeParams>,
    JsonBody(input): JsonBody<DecisionInput>,
) -> Result<Json<RunView>, ApiError> {
    let runs = &state.services.automation.runs;
    let run = runs.decide(&actor, RunId(id), (&at.scope, &node), input.into()).await?;
    Ok(Json(run.into()))
}

/// Makes a link by which somebody without an account may decide once about the approval that a node waits for.
///
/// An earlier link of the same wait is no longer valid.
#[operation(
    post, path = "/api/v1/automation/executions/{id}/nodes/{node}/approval-link/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The run's id"),
        ("node" = String, Path, description = "The node's key"), ScopeParams,
    ),
    responses(
        (status = 201, description = "The link.", body = ApprovalLinkView),
        (status = 404, body = ErrorBody, description = "WAIT_NOT_FOUND: the node waits for no decision."),
        (status = 410, body = ErrorBody, description = "WAIT_OVER: somebody decided before, or its time is over."),
    )
)]
async fn create_approval_link(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, node)): ApiPath<(Uuid, String)>,
    ApiQuery(at): ApiQuery<ScopeParams>,
) -> Result<(StatusCode, Json<ApprovalLinkView>), ApiError> {
    let runs = &state.services.automation.runs;
    let token = runs.create_approval_token(&actor, RunId(id), (&at.scope, &node)).await?;
    let path = format!("/api/v1/automation/approvals/{token}");
    Ok((StatusCode::CREATED, Json(ApprovalLinkView { token, path })))
}
