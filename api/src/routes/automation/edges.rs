//! The edges of a draft, one by one.

use atelier_entities::WorkflowId;
use axum::{Json, extract::State, http::StatusCode};
use uuid::Uuid;

use super::TAG;
use crate::{
    dto::automation::node::{EdgeInput, PlacedEdgeView, WorkflowEdgePage},
    error::{ApiError, ErrorBody},
    extract::{ApiPath, Authenticated, JsonBody, OwnWorkflow, PageParams, Pagination},
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_workflow_edges))
        .add(route(routes!(create_workflow_edge)).keeps::<OwnWorkflow>())
        .add(routes!(delete_workflow_edge))
}

/// The edges of the draft, those of bodies after those around them.
#[operation(
    get, path = "/api/v1/automation/workflows/{id}/edges/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id"), PageParams),
    responses((status = 200, description = "A page of them.", body = WorkflowEdgePage))
)]
async fn list_workflow_edges(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    pagination: Pagination,
) -> Result<Json<WorkflowEdgePage>, ApiError> {
    let edges = state.services.automation.workflows.list_edges(&actor, WorkflowId(id)).await?;
    Ok(Json(pagination.slice(edges).into()))
}

/// Adds an edge to the draft. A circle is refused.
#[operation(
    post, path = "/api/v1/automation/workflows/{id}/edges/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id")), request_body = EdgeInput,
    responses(
        (status = 201, description = "The edge.", body = PlacedEdgeView),
        (
            status = 413, body = ErrorBody,
            description = "GRAPH_TOO_LARGE: more bytes than a graph may have.",
        ),
        (
            status = 422, body = ErrorBody,
            description = "GRAPH_INVALID: the edge is there, leads in a circle, or a node or port does not \
                exist; details.faults lists what is wrong.",
        ),
    )
)]
async fn create_workflow_edge(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWorkflow,
    JsonBody(input): JsonBody<EdgeInput>,
) -> Result<(StatusCode, Json<PlacedEdgeView>), ApiError> {
    let workflows = &state.services.automation.workflows;
    let edge = workflows.create_edge(&actor, WorkflowId(id), input.into()).await?;
    Ok((StatusCode::CREATED, Json(edge.into())))
}

/// Deletes an edge of the draft.
#[operation(
    delete, path = "/api/v1/automation/workflows/{id}/edges/{edge}/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The workflow's id"),
        ("edge" = String, Path, description = "The edge's id, such as check.true>send.in"),
    ),
    responses(
        (status = 204, description = "Deleted."),
        (status = 404, body = ErrorBody, description = "EDGE_NOT_FOUND: the draft has no such edge."),
    )
)]
async fn delete_workflow_edge(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, edge)): ApiPath<(Uuid, String)>,
) -> Result<StatusCode, ApiError> {
    state.services.automation.workflows.delete_edge(&actor, WorkflowId(id), &edge).await?;
    Ok(StatusCode::NO_CONTENT)
}
