//! Webhooks of workflows: their addresses, secrets and test calls.

use std::time::Duration;

use atelier_entities::WorkflowId;
use axum::{Json, extract::State, http::StatusCode};
use uuid::Uuid;

use super::HOOKS as TAG;
use crate::{
    dto::automation::hook::{
        HookAddressView, HookPage, HookSecretInput, HookTestCallParams, HookTestCallView, NewHookSecretView,
    },
    error::{ApiError, ErrorBody},
    extract::{ApiPath, ApiQuery, Authenticated, OptionalJsonBody, OwnWorkflow, PageParams, Pagination},
    route::{Routes, operation, route, routes},
    state::ApiState,
};

/// What is left of the time limit of requests after a wait.
const MARGIN: Duration = Duration::from_secs(2);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_hooks))
        .add(routes!(delete_hook))
        .add(route(routes!(reset_hook_address)).answers_secret())
        .add(route(routes!(replace_hook_secret)).answers_secret())
        .add(routes!(get_hook_test_call))
}

/// The webhooks of a workflow, by the keys of their triggers. No answer has a token or a secret.
#[operation(
    get, path = "/api/v1/automation/workflows/{id}/hooks/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id"), PageParams),
    responses((status = 200, description = "A page of them.", body = HookPage))
)]
async fn list_hooks(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    pagination: Pagination,
) -> Result<Json<HookPage>, ApiError> {
    let hooks = state.services.automation.hooks.list(&actor, WorkflowId(id)).await?;
    Ok(Json(pagination.slice(hooks).into()))
}

/// Takes the address and the secrets of a webhook away.
#[operation(
    delete, path = "/api/v1/automation/workflows/{id}/hooks/{node}/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The workflow's id"),
        ("node" = String, Path, description = "The trigger's key"),
    ),
    responses(
        (status = 204, description = "Its address starts nothing any more."),
        (status = 404, body = ErrorBody, description = "NODE_NOT_FOUND: the webhook has neither."),
    )
)]
async fn delete_hook(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, node)): ApiPath<(Uuid, String)>,
) -> Result<StatusCode, ApiError> {
    state.services.automation.hooks.delete(&actor, WorkflowId(id), &node).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a webhook an address, or another one. It is shown once; the earlier one starts nothing any more.
#[operation(
    post, path = "/api/v1/automation/workflows/{id}/hooks/{node}/rotate/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The workflow's id"),
        ("node" = String, Path, description = "The trigger's key"),
    ),
    responses(
        (status = 201, description = "The address.", body = HookAddressView),
        (status = 404, body = ErrorBody, description = "NODE_NOT_FOUND: the workflow has no such webhook."),
        (
            status = 409, body = ErrorBody,
            description = "WEBHOOK_LIMIT: as many webhooks as a workflow may have, which details.limit tells.",
        ),
    )
)]
async fn reset_hook_address(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, node)): ApiPath<(Uuid, String)>,
) -> Result<(StatusCode, Json<HookAddressView>), ApiError> {
    let rotated = state.services.automation.hooks.rotate(&actor, WorkflowId(id), &node).await?;
    Ok((StatusCode::CREATED, Json(rotated.into())))
}

/// Sets the secret that proves the calls of a webhook, or makes one, which is shown once.
///
/// The earlier secret stays good for a day.
#[operation(
    put, path = "/api/v1/automation/workflows/{id}/hooks/{node}/secret/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The workflow's id"),
        ("node" = String, Path, description = "The trigger's key"),
    ),
    request_body(content = HookSecretInput, description = "May be left out: then a secret is made."),
    responses(
        (status = 200, description = "The secrets that are good.", body = NewHookSecretView),
        (status = 404, body = ErrorBody, description = "NODE_NOT_FOUND: the workflow has no such webhook."),
        (
            status = 409, body = ErrorBody,
            description = "WEBHOOK_LIMIT: as many webhooks as a workflow may have, which details.limit tells.",
        ),
        (
            status = 503, body = ErrorBody,
            description = "CREDENTIAL_KEYS_MISSING: this installation cannot encrypt secrets.",
        ),
    )
)]
async fn replace_hook_secret(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, node)): ApiPath<(Uuid, String)>,
    _own: OwnWorkflow,
    OptionalJsonBody(input): OptionalJsonBody<HookSecretInput>,
) -> Result<Json<NewHookSecretView>, ApiError> {
    let hooks = &state.services.automation.hooks;
    let set = hooks.set_secret(&actor, WorkflowId(id), (&node, input.secret)).await?;
    Ok(Json(set.into()))
}

/// The last call of the test address of a webhook. It is kept for a week.
///
/// With `wait_secs` the answer comes as soon as there is a call, and with `after` one that is newer than the last
/// one that the caller knows.
#[operation(
    get, path = "/api/v1/automation/workflows/{id}/hooks/{node}/test-call/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The workflow's id"),
        ("node" = String, Path, description = "The trigger's key"),
        HookTestCallParams,
    ),
    responses(
        (status = 200, description = "The call.", body = HookTestCallView),
        (status = 404, body = ErrorBody, description = "TEST_CALL_NOT_FOUND: the test address was not called yet."),
    )
)]
async fn get_hook_test_call(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, node)): ApiPath<(Uuid, String)>,
    ApiQuery(params): ApiQuery<HookTestCallParams>,
) -> Result<Json<HookTestCallView>, ApiError> {
    let hooks = &state.services.automation.hooks;
    let longest = params.wait()?.min(state.options.request_timeout.saturating_sub(MARGIN));
    let find = |wait| hooks.wait_for_test_call(&actor, (WorkflowId(id), node.as_str()), params.after, wait);
    let call = tokio::select! {
        call = find(longest) => call,
        () = state.shutdown.draining() => find(Duration::ZERO).await,
    };
    Ok(Json(call?.into()))
}
