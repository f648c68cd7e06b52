//! The nodes of a draft, one by one.

use atelier_entities::WorkflowId;
use axum::{Json, extract::State, http::StatusCode};
use uuid::Uuid;

use super::TAG;
use crate::{
    dto::automation::node::{CreateNodeInput, PlacedNodeView, UpdateNodeInput, WorkflowNodePage},
    error::{ApiError, ErrorBody},
    extract::{ApiPath, Authenticated, JsonBody, OwnWorkflow, PageParams, Pagination},
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_workflow_nodes))
        .add(route(routes!(create_workflow_node)).keeps::<OwnWorkflow>())
        .add(routes!(update_workflow_node, delete_workflow_node))
}

/// The nodes of the draft, those of bodies after those around them.
#[operation(
    get, path = "/api/v1/automation/workflows/{id}/nodes/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id"), PageParams),
    responses((status = 200, description = "A page of them.", body = WorkflowNodePage))
)]
async fn list_workflow_nodes(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    pagination: Pagination,
) -> Result<Json<WorkflowNodePage>, ApiError> {
    let nodes = state.services.automation.workflows.list_nodes(&actor, WorkflowId(id)).await?;
    Ok(Json(pagination.slice(nodes).into()))
}

/// Adds a node to the draft.
#[operation(
    post, path = "/api/v1/automation/workflows/{id}/nodes/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id")), request_body = CreateNodeInput,
    responses(
        (status = 201, description = "The node.", body = PlacedNodeView),
        (
            status = 413, body = ErrorBody,
            description = "GRAPH_TOO_LARGE: more bytes than a graph may have.",
        ),
        (
            status = 422, body = ErrorBody,
            description = "GRAPH_INVALID: the key is taken or is none, the type does not exist, or there are \
                too many nodes; details.faults lists what is wrong.",
        ),
    )
)]
async fn create_workflow_node(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWorkflow,
    JsonBody(input): JsonBody<CreateNodeInput>,
) -> Result<(StatusCode, Json<PlacedNodeView>), ApiError> {
    let workflows = &state.services.automation.workflows;
    let node = workflows.create_node(&actor, WorkflowId(id), input.into()).await?;
    Ok((StatusCode::CREATED, Json(node.into())))
}

/// Changes a node of the draft; what is left out stays.
#[operation(
    patch, path = "/api/v1/automation/workflows/{id}/nodes/{node}/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The workflow's id"),
        ("node" = String, Path, description = "The node's key"),
    ),
    request_body = UpdateNodeInput,
    responses(
        (status = 200, description = "The node as it is now.", body = PlacedNodeView),
        (status = 404, body = ErrorBody, description = "NODE_NOT_FOUND: the draft has no such node."),
        (
            status = 413, body = ErrorBody,
            description = "GRAPH_TOO_LARGE: more bytes than a graph may have.",
        ),
        (
            status = 422, body = ErrorBody,
            description = "GRAPH_INVALID: the type has no such version; details.faults lists what is wrong.",
        ),
    )
)]
async fn update_workflow_node(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, node)): ApiPath<(Uuid, String)>,
    _own: OwnWorkflow,
    JsonBody(input): JsonBody<UpdateNodeInput>,
) -> Result<Json<PlacedNodeView>, ApiError> {
    let workflows = &state.services.automation.workflows;
    let node = workflows.update_node(&actor, WorkflowId(id), &node, input.into()).await?;
    Ok(Json(node.into()))
}

/// Deletes a node of the draft with its body, and the edges at them.
#[operation(
    delete, path = "/api/v1/automation/workflows/{id}/nodes/{node}/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The workflow's id"),
        ("node" = String, Path, description = "The node's key"),
    ),
    responses(
        (status = 204, description = "Deleted."),
        (status = 404, body = ErrorBody, description = "NODE_NOT_FOUND: the draft has no such node."),
    )
)]
async fn delete_workflow_node(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, node)): ApiPath<(Uuid, String)>,
) -> Result<StatusCode, ApiError> {
    state.services.automation.workflows.delete_node(&actor, WorkflowId(id), &node).await?;
    Ok(StatusCode::NO_CONTENT)
}
