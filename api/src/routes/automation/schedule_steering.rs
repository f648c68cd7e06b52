//! What people do with schedules: run, pause, resume, backfill.

use atelier_entities::WorkflowScheduleId;
use axum::{Json, extract::State, http::StatusCode, response::Response};
use uuid::Uuid;

use super::{SCHEDULES as TAG, runs::started};
use crate::{
    dto::automation::{
        run::StartedRunView,
        schedule::{BackfillView, WorkflowScheduleDetailView},
        schedule_input::{BackfillScheduleInput, PauseScheduleInput, ResumeScheduleInput},
    },
    error::{ApiError, ErrorBody},
    extract::{ApiPath, Authenticated, JsonBody, OptionalJsonBody, OwnSchedule},
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(route(routes!(run_schedule)).keeps::<OwnSchedule>())
        .add(route(routes!(pause_schedule)).keeps::<OwnSchedule>())
        .add(route(routes!(resume_schedule)).keeps::<OwnSchedule>())
        .add(route(routes!(backfill_schedule)).keeps::<OwnSchedule>())
}

/// Starts a run of a schedule now, paused or not, whatever else is under way.
#[operation(
    post, path = "/api/v1/automation/schedules/{id}/run/", tag = TAG,
    params(("id" = Uuid, Path, description = "The schedule's id")),
    responses(
        (
            status = 202, description = "The run, which was accepted.", body = StartedRunView,
            headers(("Location" = String, description = "The run's address."))
        ),
        (
            status = 409, body = ErrorBody,
            description = "WORKFLOW_UNPUBLISHED: there is no published version. NO_TRIGGER: it has no trigger for \
                schedules, and none that a person pulls. WORKFLOW_MISSING: the workflow was deleted. WORKFLOW_BUSY: \
                as many runs are under way as may be. QUEUE_FULL: as many are queued as may be.",
        ),
    )
)]
async fn run_schedule(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Response, ApiError> {
    Ok(started(state.services.automation.schedules.run(&actor, WorkflowScheduleId(id)).await?))
}

/// Keeps a schedule from firing. What would have fired meanwhile is not missed; its runs go on.
#[operation(
    post, path = "/api/v1/automation/schedules/{id}/pause/", tag = TAG,
    params(("id" = Uuid, Path, description = "The schedule's id")),
    request_body(content = PauseScheduleInput, description = "May be left out."),
    responses((status = 200, description = "The schedule as it is now.", body = WorkflowScheduleDetailView))
)]
async fn pause_schedule(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnSchedule,
    OptionalJsonBody(input): OptionalJsonBody<PauseScheduleInput>,
) -> Result<Json<WorkflowScheduleDetailView>, ApiError> {
    let schedules = &state.services.automation.schedules;
    Ok(Json(schedules.pause(&actor, WorkflowScheduleId(id), input.reason).await?.into()))
}

/// Lets a paused schedule fire again, from now on.
#[operation(
    post, path = "/api/v1/automation/schedules/{id}/resume/", tag = TAG,
    params(("id" = Uuid, Path, description = "The schedule's id")),
    request_body(content = ResumeScheduleInput, description = "May be left out."),
    responses((status = 200, description = "The schedule as it is now.", body = WorkflowScheduleDetailView))
)]
async fn resume_schedule(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnSchedule,
    OptionalJsonBody(input): OptionalJsonBody<ResumeScheduleInput>,
) -> Result<Json<WorkflowScheduleDetailView>, ApiError> {
    let schedules = &state.services.automation.schedules;
    Ok(Json(schedules.resume(&actor, WorkflowScheduleId(id), input.catch_up).await?.into()))
}

/// Lets the fire times of a range in the past fire now, at most 1,000.
///
/// One run follows another, unless the runs of the schedule may overlap.
#[operation(
    post, path = "/api/v1/automation/schedules/{id}/backfill/", tag = TAG,
    params(("id" = Uuid, Path, description = "The schedule's id")), request_body = BackfillScheduleInput,
    responses((status = 202, description = "What fires now.", body = BackfillView))
)]
async fn backfill_schedule(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnSchedule,
    JsonBody(input): JsonBody<BackfillScheduleInput>,
) -> Result<(StatusCode, Json<BackfillView>), ApiError> {
    let schedules = &state.services.automation.schedules;
    let backfill = schedules.backfill(&actor, WorkflowScheduleId(id), input.into()).await?;
    Ok((StatusCode::ACCEPTED, Json(backfill.into())))
}
