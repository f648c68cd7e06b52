//! Workflows as documents.

use atelier_entities::{ProjectId, WorkflowId};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{TAG, workflows::created};
use crate::{
    dto::automation::{import::ImportView, workflow::ImportParams},
    error::{ApiError, ErrorBody},
    extract::{ApiPath, ApiQuery, Authenticated, JsonBody},
    route::{Routes, operation, route, routes},
    schema::free::JsonObject,
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(export_workflow)).add(route(routes!(import_workflow)).keeps::<Authenticated>())
}

/// The draft and the settings of a workflow as a document that any installation can import.
///
/// The same draft always gives the same bytes. The document has no ids of this installation: the error
/// workflow is left out, and the workflows and projects that nodes name are empty.
#[operation(
    get, path = "/api/v1/automation/workflows/{id}/export/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id")),
    responses((
        status = 200, description = "The document.", body = JsonObject,
        headers(("Content-Disposition" = String))
    ))
)]
async fn export_workflow(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    let document = state.services.automation.workflows.export(&actor, WorkflowId(id)).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"workflow.json\""),
    ];
    Ok((headers, document).into_response())
}

/// Creates a disabled workflow from an exported document, or from one of n8n.
///
/// What is wrong with its graph does not keep it from being stored, and is listed. A document of n8n is known
/// by its `nodes` and `connections`. What has no equal here becomes a placeholder; the report says what became
/// of each node.
#[operation(
    post, path = "/api/v1/automation/workflows/import/", tag = TAG, params(ImportParams),
    request_body = JsonObject,
    responses(
        (
            status = 201, description = "The workflow, and what is wrong with it.", body = ImportView,
            headers(("Location" = String, description = "Its address."))
        ),
        (
            status = 409, body = ErrorBody,
            description = "WORKFLOW_LIMIT: as many workflows as the project may have.",
        ),
        (
            status = 413, body = ErrorBody,
            description = "GRAPH_TOO_LARGE: more bytes than a graph may have.",
        ),
        (
            status = 422, body = ErrorBody,
            description = "GRAPH_INVALID: the document cannot be read, or its graph cannot be stored; \
                details.faults lists what is wrong.",
        ),
    )
)]
async fn import_workflow(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiQuery(params): ApiQuery<ImportParams>,
    JsonBody(document): JsonBody<Map<String, Value>>,
) -> Result<Response, ApiError> {
    let project = params.project.map(ProjectId);
    let workflows = &state.services.automation.workflows;
    let imported = workflows.import(&actor, Value::Object(document), project).await?;
    let id = imported.workflow.id;
    Ok(created(id, ImportView::from(imported)))
}
