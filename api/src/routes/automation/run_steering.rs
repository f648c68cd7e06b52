//! What people do with runs: cancel, pause, resume, retry, signal.

use atelier_entities::RunId;
use axum::{Json, extract::State, http::StatusCode};
use uuid::Uuid;

use super::RUNS as TAG;
use crate::{
    dto::automation::{run::RunView, run_input::RunSignalInput},
    error::{ApiError, ErrorBody},
    extract::{ApiPath, Authenticated, OptionalJsonBody, OwnRun},
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(route(routes!(cancel_run)).keeps::<OwnRun>())
        .add(route(routes!(pause_run)).keeps::<OwnRun>())
        .add(route(routes!(resume_run)).keeps::<OwnRun>())
        .add(route(routes!(retry_run)).keeps::<OwnRun>())
        .add(route(routes!(send_run_signal)).keeps::<OwnRun>())
}

/// Ends a run and its child runs; jobs that run are told to stop.
#[operation(
    post, path = "/api/v1/automation/executions/{id}/cancel/", tag = TAG,
    params(("id" = Uuid, Path, description = "The run's id")),
    responses(
        (status = 200, description = "The run as it is now.", body = RunView),
        (status = 409, body = ErrorBody, description = "WRONG_STATE: the run has ended."),
    )
)]
async fn cancel_run(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<RunView>, ApiError> {
    let run = state.services.automation.runs.cancel(&actor, RunId(id)).await?;
    Ok(Json(run.into()))
}

/// Keeps a run from starting anything new. What is under way finishes.
#[operation(
    post, path = "/api/v1/automation/executions/{id}/pause/", tag = TAG,
    params(("id" = Uuid, Path, description = "The run's id")),
    responses(
        (status = 200, description = "The run as it is now.", body = RunView),
        (status = 409, body = ErrorBody, description = "WRONG_STATE: the run is not under way, or paused already."),
    )
)]
async fn pause_run(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<RunView>, ApiError> {
    let run = state.services.automation.runs.pause(&actor, RunId(id)).await?;
    Ok(Json(run.into()))
}

/// Lets a paused run go on.
#[operation(
    post, path = "/api/v1/automation/executions/{id}/resume/", tag = TAG,
    params(("id" = Uuid, Path, description = "The run's id")),
    responses(
        (status = 200, description = "The run as it is now.", body = RunView),
        (status = 409, body = ErrorBody, description = "WRONG_STATE: the run is not paused."),
    )
)]
async fn resume_run(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<RunView>, ApiError> {
    let run = state.services.automation.runs.resume(&actor, RunId(id)).await?;
    Ok(Json(run.into()))
}

/// Runs what failed in an ended run again, with the same version. What succeeded does not run again.
#[operation(
    post, path = "/api/v1/automation/executions/{id}/retry/", tag = TAG,
    params(("id" = Uuid, Path, description = "The run's id")),
    responses(
        (status = 202, description = "The run, which goes on.", body = RunView),
        (status = 409, body = ErrorBody, description = "WRONG_STATE: the run has not ended. NOTHING_TO_RETRY: nothing in it failed. \
                WORKFLOW_BUSY: as many runs of the workflow are under way as may be."),
    )
)]
async fn retry_run(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<(StatusCode, Json<RunView>), ApiError> {
    let run = state.services.automation.runs.retry(&actor, RunId(id)).await?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

/// Sends a signal to a run. It is kept until a node waits for it, or the run ends.
///
/// A signal whose `id` was sent before changes nothing.
#[operation(
    post, path = "/api/v1/automation/executions/{id}/signals/{name}/", tag = TAG,
    params(
        ("id" = Uuid, Path, description = "The run's id"),
        ("name" = String, Path, description = "What the wait is called, 1 to 200 characters"),
    ),
    request_body(content = RunSignalInput, description = "May be left out."),
    responses(
        (status = 200, description = "The run as it is now.", body = RunView),
        (
            status = 409, body = ErrorBody,
            description = "WRONG_STATE: the run has ended. SIGNAL_LIMIT: it keeps as many signals as it may.",
        ),
    )
)]
async fn send_run_signal(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath((id, name)): ApiPath<(Uuid, String)>,
    _own: OwnRun,
    OptionalJsonBody(input): OptionalJsonBody<RunSignalInput>,
) -> Result<Json<RunView>, ApiError> {
    let run = state.services.automation.runs.signal(&actor, RunId(id), input.named(name)).await?;
    Ok(Json(run.into()))
}
