//! Published versions of workflows.

use atelier_entities::WorkflowId;
use axum::{Json, extract::State, http::StatusCode};
use uuid::Uuid;

use super::TAG;
use crate::{
    dto::automation::workflow::{PublishInput, WorkflowVersionPage, WorkflowVersionView},
    error::{ApiError, ErrorBody},
    extract::{ApiPath, Authenticated, IfMatch, OptionalJsonBody, OwnWorkflow, PageParams, Pagination},
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(route(routes!(publish_workflow)).keeps::<OwnWorkflow>())
        .add(routes!(list_workflow_versions))
}

/// Publishes the draft as the next version, which never changes.
///
/// New runs walk it; runs that are under way keep theirs.
#[operation(
    post, path = "/api/v1/automation/workflows/{id}/publish/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The workflow's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the draft that is published."),
    ),
    request_body(content = PublishInput, description = "May be left out."),
    responses(
        (status = 201, description = "The version.", body = WorkflowVersionView),
        (
            status = 412, body = ErrorBody,
            description = "REVISION_CHANGED: the draft has changed since; details.revision tells which it is.",
        ),
        (
            status = 422, body = ErrorBody,
            description = "GRAPH_INVALID: the draft has errors; details.faults lists the first 32 of \
                details.count, and the validation lists all.",
        ),
    )
)]
async fn publish_workflow(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWorkflow,
    IfMatch(expected): IfMatch,
    OptionalJsonBody(input): OptionalJsonBody<PublishInput>,
) -> Result<(StatusCode, Json<WorkflowVersionView>), ApiError> {
    let workflows = &state.services.automation.workflows;
    let version = workflows.publish(&actor, WorkflowId(id), expected, input.note).await?;
    Ok((StatusCode::CREATED, Json(version.into())))
}

/// The published versions, newest first.
#[operation(
    get, path = "/api/v1/automation/workflows/{id}/versions/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id"), PageParams),
    responses((status = 200, description = "A page of them.", body = WorkflowVersionPage))
)]
async fn list_workflow_versions(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    pagination: Pagination,
) -> Result<Json<WorkflowVersionPage>, ApiError> {
    let workflows = &state.services.automation.workflows;
    let (versions, count) = workflows.list_versions(&actor, WorkflowId(id), pagination.page()).await?;
    Ok(Json(pagination.numbered(versions, count).into()))
}
