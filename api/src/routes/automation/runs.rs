//! Runs of workflows: starting, listing and reading them.

use atelier_automation::runs::StartedRun;
use atelier_entities::{RunId, WorkflowId};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::RUNS as TAG;
use crate::{
    dto::automation::{
        run::{RunDetailView, RunPage, RunReasonView, RunWaitView, StartedRunView, ValuePreview, WholeValue},
        run_input::{RepeatRunInput, RunFilterParams, RunOwnerParams, StartRunInput},
        run_node::{RunNodeFilterParams, RunNodePage},
    },
    error::{ApiError, ErrorBody},
    extract::{
        ApiPath, ApiQuery, Authenticated, OptionalJsonBody, OwnRun, OwnWorkflow, PageParams, Pagination,
    },
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(route(routes!(start_run)).keeps::<OwnWorkflow>())
        .add(routes!(list_workflow_runs))
        .add(routes!(list_runs))
        .add(routes!(get_run))
        .add(routes!(list_run_nodes))
        .add(routes!(get_run_input))
        .add(routes!(list_run_reasons))
        .add(route(routes!(repeat_run)).keeps::<OwnRun>())
}

/// 202 with the address of the run.
pub(super) fn started(started: StartedRun) -> Response {
    let location = format!("/api/v1/automation/executions/{}/", started.run.id);
    let body = Json(StartedRunView::from(started));
    (StatusCode::ACCEPTED, [(header::LOCATION, location)], body).into_response()
}

/// Starts a run of a workflow, whether its triggers fire or not.
///
/// The body may be left out. Follow the run by its event stream or by polling.
#[operation(
    post, path = "/api/v1/automation/workflows/{id}/execute/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id")),
    request_body(content = StartRunInput, description = "May be left out."),
    responses(
        (
            status = 202, description = "The run, which was accepted.", body = StartedRunView,
            headers(("Location" = String, description = "The run's address."))
        ),
        (
            status = 404, body = ErrorBody,
            description = "VERSION_NOT_FOUND: the workflow has no published version of that number.",
        ),
        (
            status = 409, body = ErrorBody,
            description = "WORKFLOW_UNPUBLISHED: there is no published version. NO_TRIGGER: the version has no \
                enabled trigger. VERSION_MISSING: this installation cannot run it. WORKFLOW_BUSY: as many runs \
                are under way as may be. QUEUE_FULL: as many are queued as may be; details.limit tells how many.",
        ),
        (
            status = 413, body = ErrorBody,
            description = "GRAPH_TOO_LARGE: the draft has more bytes than a graph may have.",
        ),
        (status = 422, body = ErrorBody, description = "GRAPH_INVALID: the draft has errors."),
    )
)]
async fn start_run(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWorkflow,
    OptionalJsonBody(input): OptionalJsonBody<StartRunInput>,
) -> Result<Response, ApiError> {
    let runs = &state.services.automation.runs;
    Ok(started(runs.start(&actor, WorkflowId(id), input.command()?).await?))
}

/// Starts a run again from its trigger, as another run.
///
/// With the same input and version, unless the body says otherwise.
#[operation(
    post, path = "/api/v1/automation/executions/{id}/rerun/", tag = TAG,
    params(("id" = Uuid, Path, description = "The run's id")),
    request_body(content = RepeatRunInput, description = "May be left out."),
    responses(
        (
            status = 202, description = "The new run, which was accepted.", body = StartedRunView,
            headers(("Location" = String, description = "The new run's address."))
        ),
        (
            status = 404, body = ErrorBody,
            description = "VERSION_NOT_FOUND: the workflow has no published version of that number.",
        ),
        (
            status = 409, body = ErrorBody,
            description = "WORKFLOW_UNPUBLISHED, NO_TRIGGER, VERSION_MISSING, WORKFLOW_BUSY or QUEUE_FULL, as \
                where a run is started.",
        ),
        (
            status = 413, body = ErrorBody,
            description = "GRAPH_TOO_LARGE: the draft has more bytes than a graph may have.",
        ),
        (status = 422, body = ErrorBody, description = "GRAPH_INVALID: the draft has errors."),
    )
)]
async fn repeat_run(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnRun,
    OptionalJsonBody(input): OptionalJsonBody<RepeatRunInput>,
) -> Result<Response, ApiError> {
    let runs = &state.services.automation.runs;
    Ok(started(runs.rerun(&actor, RunId(id), input.command()?).await?))
}

/// The runs of a workflow, newest first.
#[operation(
    get, path = "/api/v1/automation/workflows/{id}/executions/", tag = TAG,
    params(("id" = Uuid, Path, description = "The workflow's id"), RunFilterParams, PageParams),
    responses((status = 200, description = "A page of them.", body = RunPage))
)]
async fn list_workflow_runs(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnWorkflow,
    ApiQuery(params): ApiQuery<RunFilterParams>,
    pagination: Pagination,
) -> Result<Json<RunPage>, ApiError> {
    let filter = params.filter(Some(id))?;
    let (runs, count) = state.services.automation.runs.list(&actor, &filter, pagination.page()).await?;
    Ok(Json(pagination.numbered(runs, count).into()))
}

/// The caller's runs, newest first. Those of deleted workflows are among them until they expire.
#[operation(
    get, path = "/api/v1/automation/executions/", tag = TAG,
    params(RunOwnerParams, RunFilterParams, PageParams),
    responses((status = 200, description = "A page of them.", body = RunPage))
)]
async fn list_runs(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiQuery(of): ApiQuery<RunOwnerParams>,
    ApiQuery(params): ApiQuery<RunFilterParams>,
    pagination: Pagination,
) -> Result<Json<RunPage>, ApiError> {
    let filter = params.filter(of.workflow)?;
    let (runs, count) = state.services.automation.runs.list(&actor, &filter, pagination.page()).await?;
    Ok(Json(pagination.numbered(runs, count).into()))
}

/// A run: what it was given, what it waits for, and a page of its nodes with their inputs, outputs and errors.
#[operation(
    get, path = "/api/v1/automation/executions/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The run's id"), PageParams),
    responses((status = 200, description = "The run.", body = RunDetailView))
)]
async fn get_run(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    pagination: Pagination,
) -> Result<Json<RunDetailView>, ApiError> {
    let view = state.services.automation.runs.get(&actor, RunId(id), None, pagination.page()).await?;
    Ok(Json(RunDetailView {
        run: view.run.into(),
        input: view.input.map(ValuePreview::from),
        waits: view.waits.into_iter().map(RunWaitView::from).collect(),
        nodes: pagination.numbered(view.nodes, view.node_count).into(),
    }))
}

/// The nodes of a run in the order in which they became ready.
#[operation(
    get, path = "/api/v1/automation/executions/{id}/nodes/", tag = TAG,
    params(("id" = Uuid, Path, description = "The run's id"), RunNodeFilterParams, PageParams),
    responses((status = 200, description = "A page of them.", body = RunNodePage))
)]
async fn list_run_nodes(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    ApiQuery(params): ApiQuery<RunNodeFilterParams>,
    pagination: Pagination,
) -> Result<Json<RunNodePage>, ApiError> {
    let runs = &state.services.automation.runs;
    let view = runs.get(&actor, RunId(id), params.changed_since, pagination.page()).await?;
    Ok(Json(pagination.numbered(view.nodes, view.node_count).into()))
}

/// The whole input of a run.
#[operation(
    get, path = "/api/v1/automation/executions/{id}/input/", tag = TAG,
    params(("id" = Uuid, Path, description = "The run's id")),
    responses((status = 200, description = "The input.", body = WholeValue))
)]
async fn get_run_input(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<WholeValue>, ApiError> {
    let value = state.services.automation.runs.get_input(&actor, RunId(id)).await?;
    Ok(Json(WholeValue { value: Some(value) }))
}

/// Why a run does not go on: all reasons, those of the run first, then those of its nodes, at most 20 each.
#[operation(
    get, path = "/api/v1/automation/executions/{id}/why", tag = TAG,
    params(("id" = Uuid, Path, description = "The run's id")),
    responses((status = 200, description = "The reasons.", body = Vec<RunReasonView>))
)]
async fn list_run_reasons(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<Vec<RunReasonView>>, ApiError> {
    let reasons = state.services.automation.runs.why(&actor, RunId(id)).await?;
    Ok(Json(reasons.into_iter().map(RunReasonView::from).collect()))
}
