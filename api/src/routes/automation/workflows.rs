//! Workflows and their settings.

use atelier_automation::workflows::WorkflowFilter;
use atelier_entities::{ProjectId, WorkflowId, workflows};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::TAG;
use crate::{
    dto::automation::workflow::{
        UpdateWorkflowInput, WorkflowFilterParams, WorkflowInput, WorkflowPage, WorkflowView,
    },
    error::{ApiError, ErrorBody},
    extract::{ApiPath, ApiQuery, Authenticated, JsonBody, OwnWorkflow, PageParams, Pagination},
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_workflows))
        .add(route(routes!(create_workflow)).keeps::<Authenticated>())
        .add(routes!(get_workflow, replace_workflow, update_workflow, delete_workflow))
        .add(routes!(enable_workflow))
        .add(routes!(disable_workflow))
        .add(route(routes!(duplicate_workflow)).keeps::<OwnWorkflow>())
}

/// 201 with the address of the workflow.
pub(super) fn created(id: WorkflowId, body: impl serde::Serialize) -> Response {
    let location = format!("/api/v1/automation/workflows/{id}/");
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(body)).into_response()
}

fn view(workflow: workflows::Model) -> Json<WorkflowView> {
    Json(workflow.into())
}

/// The caller's workflows, newest first.
#[operation(
    get, path = "/api/v1/automation/workflows/", tag = TAG, params(PageParams, WorkflowFilterParams),
    responses((status = 200, description = "A page of them.", body = WorkflowPage))
)]
async fn list_workflows(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiQuery(filter): ApiQuery<WorkflowFilterParams>,
    pagination: Pagination,
) -> Result<Json<WorkflowPage>, ApiError> {
    let filter = WorkflowFilter {
        project: filter.project.map(ProjectId),
        enabled: filter.enabled,
        search: filter.search,
    };
    let (found, count) = state.services.automation.workflows.list(&actor, filter, pagination.page()).await?;
    Ok(Json(pagination.numbered(found, count).into()))
}

/// Creates a disabled workflow with an empty draft.
#[operation(
    post, path = "/api/v1/automation/workflows/", tag = TAG, request_body = WorkflowInput,
    responses(
        (
            status = 201, description = "The workflow.", body = WorkflowView,
            headers(("Location" = String, description = "Its address."))
        ),
        (
            status = 409, body = ErrorBody,
            description = "WORKFLOW_LIMIT: as many workflows as a project may have, or a person outside of \
                projects, which details.limit tells.",
        ),
    )
)]
async fn create_workflow(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    JsonBody(input): JsonBody<WorkflowInput>,
) -> Result<Response, ApiError> {
    let workflow = state.services.automation.workflows.create(&actor, input.into()).await?;
    Ok(created(workflow.id, WorkflowView::from(workflow)))
}

/// One workflow.
#[operation(
    get, path = "/api/v1/automation/workflows/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id")),
    responses((status = 200, description = "The workflow.", body = WorkflowView))
)]
async fn get_workflow(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<WorkflowView>, ApiError> {
    Ok(view(state.services.automation.workflows.get(&actor, WorkflowId(id)).await?))
}

/// Replaces all that is said of a workflow; what is left out becomes the default. Its draft and its versions
/// stay.
#[operation(
    put, path = "/api/v1/automation/workflows/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id")), request_body = WorkflowInput,
    responses(
        (status = 200, description = "The workflow as it is now.", body = WorkflowView),
        (
            status = 409, body = ErrorBody,
            description = "WORKFLOW_LIMIT: as many workflows as the other project may have.",
        ),
    )
)]
async fn replace_workflow(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWorkflow,
    JsonBody(input): JsonBody<WorkflowInput>,
) -> Result<Json<WorkflowView>, ApiError> {
    Ok(view(state.services.automation.workflows.update(&actor, WorkflowId(id), input.into()).await?))
}

/// Changes a workflow; what is left out stays.
#[operation(
    patch, path = "/api/v1/automation/workflows/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id")), request_body = UpdateWorkflowInput,
    responses(
        (status = 200, description = "The workflow as it is now.", body = WorkflowView),
        (
            status = 409, body = ErrorBody,
            description = "WORKFLOW_LIMIT: as many workflows as the other project may have.",
        ),
    )
)]
async fn update_workflow(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWorkflow,
    JsonBody(input): JsonBody<UpdateWorkflowInput>,
) -> Result<Json<WorkflowView>, ApiError> {
    Ok(view(state.services.automation.workflows.update(&actor, WorkflowId(id), input.into()).await?))
}

/// Deletes a workflow: its triggers fire no more. Its runs can be read until they expire.
#[operation(
    delete, path = "/api/v1/automation/workflows/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id")),
    responses((status = 204, description = "Deleted."))
)]
async fn delete_workflow(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<StatusCode, ApiError> {
    state.services.automation.workflows.delete(&actor, WorkflowId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets the triggers of the published version fire.
#[operation(
    post, path = "/api/v1/automation/workflows/{id}/enable/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id")),
    responses(
        (status = 200, description = "The workflow as it is now.", body = WorkflowView),
        (status = 409, body = ErrorBody, description = "NOT_PUBLISHED: there is no published version."),
    )
)]
async fn enable_workflow(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<WorkflowView>, ApiError> {
    Ok(view(state.services.automation.workflows.enable(&actor, WorkflowId(id)).await?))
}

/// Lets no trigger fire any more. Runs that are under way go on.
#[operation(
    post, path = "/api/v1/automation/workflows/{id}/disable/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id")),
    responses((status = 200, description = "The workflow as it is now.", body = WorkflowView))
)]
async fn disable_workflow(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<WorkflowView>, ApiError> {
    Ok(view(state.services.automation.workflows.disable(&actor, WorkflowId(id)).await?))
}

/// Creates a disabled workflow with a copy of the draft and the settings, in the same project.
#[operation(
    post, path = "/api/v1/automation/workflows/{id}/duplicate/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id")),
    responses(
        (
            status = 201, description = "The copy.", body = WorkflowView,
            headers(("Location" = String, description = "Its address."))
        ),
        (
            status = 409, body = ErrorBody,
            description = "WORKFLOW_LIMIT: as many workflows as the project may have.",
        ),
    )
)]
async fn duplicate_workflow(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let copy = state.services.automation.workflows.duplicate(&actor, WorkflowId(id)).await?;
    Ok(created(copy.id, WorkflowView::from(copy)))
}
