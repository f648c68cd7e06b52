//! The draft of a workflow as a whole.

use atelier_automation::{graph::Graph, workflows::Draft};
use atelier_entities::WorkflowId;
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::TAG;
use crate::{
    dto::automation::graph::{GraphInput, GraphRunParams, GraphView, ValidationView},
    error::{ApiError, ErrorBody},
    extract::{ApiPath, ApiQuery, Authenticated, IfMatch, JsonBody, OwnWorkflow, revision_tag},
    route::{Routes, operation, routes},
    schema::free::FileContent,
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(get_workflow_graph, replace_workflow_graph))
        .add(routes!(show_workflow_graph))
        .add(routes!(validate_workflow))
}

fn response(state: &ApiState, draft: Draft) -> Response {
    let layout = state.services.automation.workflows.lay_out(&draft.graph);
    let tag = revision_tag(draft.workflow.revision);
    ([(header::ETAG, tag)], Json(GraphView::new(draft, layout))).into_response()
}

/// The draft: its nodes and edges, where they are drawn, and how much is wrong with them.
///
/// With `run`, the version that the run walks, with the state, the times and the items of each node. A workflow
/// without runs shows its draft for `last`.
#[operation(
    get, path = "/api/v1/automation/workflows/{id}/graph/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id"), GraphRunParams),
    responses(
        (
            status = 200, description = "The draft, or the version of the run.", body = GraphView,
            headers((
                "ETag" = String,
                description = "Changes with the draft; to be sent as If-Match. Not of a run."
            ))
        ),
        (status = 409, body = ErrorBody, description = "VERSION_MISSING: the run's version cannot be read."),
    )
)]
async fn get_workflow_graph(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWorkflow,
    ApiQuery(params): ApiQuery<GraphRunParams>,
) -> Result<Response, ApiError> {
    let (id, automation) = (WorkflowId(id), &state.services.automation);
    if let Some(choice) = params.choice()?
        && let Some(overlay) = automation.runs.find_overlay(&actor, id, choice).await?
    {
        let workflow = automation.workflows.get(&actor, id).await?;
        let layout = automation.workflows.lay_out(&overlay.version.graph);
        return Ok(Json(GraphView::of_run(&workflow, overlay, layout)).into_response());
    }
    Ok(response(&state, automation.workflows.get_draft(&actor, id).await?))
}

/// Replaces the draft.
///
/// What is wrong with it does not keep it from being stored. `If-Match` is required, so that nobody replaces
/// what they have not read.
#[operation(
    put, path = "/api/v1/automation/workflows/{id}/graph/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The workflow's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the draft that is replaced, or *."),
    ),
    request_body = GraphInput,
    responses(
        (
            status = 200, description = "The draft as it is now.", body = GraphView,
            headers(("ETag" = String, description = "Changes with the draft; to be sent as If-Match."))
        ),
        (
            status = 412, body = ErrorBody,
            description = "REVISION_CHANGED: the draft has changed since; details.revision tells which it is.",
        ),
        (
            status = 413, body = ErrorBody,
            description = "GRAPH_TOO_LARGE: more bytes than a graph may have.",
        ),
        (
            status = 422, body = ErrorBody,
            description = "GRAPH_INVALID: the graph cannot be stored, such as with two nodes of one key; \
                details.faults lists what is wrong.",
        ),
        (status = 428, body = ErrorBody, description = "REVISION_REQUIRED: If-Match is missing."),
    )
)]
async fn replace_workflow_graph(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWorkflow,
    IfMatch(expected): IfMatch,
    JsonBody(input): JsonBody<GraphInput>,
) -> Result<Response, ApiError> {
    let graph = Graph::from(input);
    let workflows = &state.services.automation.workflows;
    let draft = workflows.replace_graph(&actor, WorkflowId(id), expected, graph).await?;
    Ok(response(&state, draft))
}

/// The draft as a drawing; with `run`, the version that the run walks, with the state of each node.
#[operation(
    get, path = "/api/v1/automation/workflows/{id}/graph.svg", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id"), GraphRunParams),
    responses(
        (
            status = 200, description = "The drawing, without scripts and links.", body = inline(FileContent),
            content_type = "image/svg+xml"
        ),
        (status = 409, body = ErrorBody, description = "VERSION_MISSING: the run's version cannot be read."),
    )
)]
async fn show_workflow_graph(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWorkflow,
    ApiQuery(params): ApiQuery<GraphRunParams>,
) -> Result<Response, ApiError> {
    let automation = &state.services.automation;
    let svg = match params.choice()? {
        Some(choice) => automation.runs.draw(&actor, WorkflowId(id), choice).await?,
        None => automation.workflows.draw(&actor, WorkflowId(id)).await?,
    };
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CONTENT_SECURITY_POLICY, "sandbox")];
    Ok((headers, svg).into_response())
}

/// Everything that is wrong with the draft, all at once.
#[operation(
    post, path = "/api/v1/automation/workflows/{id}/validate/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id")),
    responses((status = 200, description = "All faults.", body = ValidationView))
)]
async fn validate_workflow(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<ValidationView>, ApiError> {
    let draft = state.services.automation.workflows.get_draft(&actor, WorkflowId(id)).await?;
    Ok(Json(draft.into()))
}
