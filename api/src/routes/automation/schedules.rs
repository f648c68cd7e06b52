//! Schedules: making, changing and reading them.

use atelier_entities::{WorkflowId, WorkflowScheduleId};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::SCHEDULES as TAG;
use crate::{
    dto::automation::{
        schedule::{
            SchedulePreviewView, ScheduleReasonView, ScheduleTickPage, WorkflowScheduleDetailView,
            WorkflowSchedulePage,
        },
        schedule_input::{
            NewScheduleInput, ScheduleFilterParams, SchedulePreviewInput, ScheduleTickParams,
            UpdateScheduleInput,
        },
    },
    error::{ApiError, ErrorBody},
    extract::{ApiPath, ApiQuery, Authenticated, JsonBody, OwnSchedule, PageParams, Pagination},
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(list_workflow_schedules))
        .add(route(routes!(create_schedule)).keeps::<Authenticated>())
        .add(routes!(get_schedule, update_schedule, delete_schedule))
        .add(routes!(preview_schedule))
        .add(routes!(list_schedule_ticks))
        .add(routes!(list_schedule_reasons))
}

/// The caller's schedules, newest first.
#[operation(
    get, path = "/api/v1/automation/schedules/", tag = TAG, params(PageParams, ScheduleFilterParams),
    responses((status = 200, description = "A page of them.", body = WorkflowSchedulePage))
)]
async fn list_workflow_schedules(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiQuery(filter): ApiQuery<ScheduleFilterParams>,
    pagination: Pagination,
) -> Result<Json<WorkflowSchedulePage>, ApiError> {
    let schedules = &state.services.automation.schedules;
    let (found, count) = schedules.list(&actor, filter.into(), pagination.page()).await?;
    Ok(Json(pagination.numbered(found, count).into()))
}

/// Creates a schedule of a workflow. It fires while the workflow is enabled.
///
/// Give either an expression or an interval. The answer has the next five fire times, and warnings where people
/// often expect others.
#[operation(
    post, path = "/api/v1/automation/schedules/", tag = TAG, request_body = NewScheduleInput,
    responses(
        (
            status = 201, description = "The schedule.", body = WorkflowScheduleDetailView,
            headers(("Location" = String, description = "Its address."))
        ),
        (
            status = 409, body = ErrorBody,
            description = "SCHEDULE_LIMIT: as many schedules as a person may have, which details.limit tells.",
        ),
    )
)]
async fn create_schedule(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    JsonBody(input): JsonBody<NewScheduleInput>,
) -> Result<Response, ApiError> {
    let workflow = WorkflowId(input.workflow_id);
    let created = state.services.automation.schedules.create(&actor, workflow, input.into()).await?;
    let location = format!("/api/v1/automation/schedules/{}/", created.schedule.id);
    let body = Json(WorkflowScheduleDetailView::from(created));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], body).into_response())
}

/// One schedule, with its next five fire times.
#[operation(
    get, path = "/api/v1/automation/schedules/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The schedule's id")),
    responses((status = 200, description = "The schedule.", body = WorkflowScheduleDetailView))
)]
async fn get_schedule(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<WorkflowScheduleDetailView>, ApiError> {
    let found = state.services.automation.schedules.get(&actor, WorkflowScheduleId(id)).await?;
    Ok(Json(found.into()))
}

/// Changes a schedule; what is left out stays. Fire times that were handled do not fire again.
#[operation(
    patch, path = "/api/v1/automation/schedules/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The schedule's id")), request_body = UpdateScheduleInput,
    responses((status = 200, description = "The schedule as it is now.", body = WorkflowScheduleDetailView))
)]
async fn update_schedule(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnSchedule,
    JsonBody(input): JsonBody<UpdateScheduleInput>,
) -> Result<Json<WorkflowScheduleDetailView>, ApiError> {
    let schedules = &state.services.automation.schedules;
    Ok(Json(schedules.update(&actor, WorkflowScheduleId(id), input.into()).await?.into()))
}

/// Deletes a schedule with what became of its fire times. Its runs go on.
#[operation(
    delete, path = "/api/v1/automation/schedules/{id}/", tag = TAG,
    params(("id" = Uuid, Path, description = "The schedule's id")),
    responses((status = 204, description = "Deleted."))
)]
async fn delete_schedule(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<StatusCode, ApiError> {
    state.services.automation.schedules.delete(&actor, WorkflowScheduleId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The next fire times of what may become a schedule, by the function that fires.
#[operation(
    post, path = "/api/v1/automation/schedules/preview/", tag = TAG, request_body = SchedulePreviewInput,
    responses((status = 200, description = "The fire times.", body = SchedulePreviewView))
)]
async fn preview_schedule(
    State(state): State<ApiState>,
    _: Authenticated,
    JsonBody(input): JsonBody<SchedulePreviewInput>,
) -> Result<Json<SchedulePreviewView>, ApiError> {
    Ok(Json(state.services.automation.schedules.preview(input.into())?.into()))
}

/// What became of the fire times of a schedule, newest first. It is kept for thirty days.
#[operation(
    get, path = "/api/v1/automation/schedules/{id}/ticks/", tag = TAG,
    params(("id" = Uuid, Path, description = "The schedule's id"), ScheduleTickParams, PageParams),
    responses((status = 200, description = "A page of them.", body = ScheduleTickPage))
)]
async fn list_schedule_ticks(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
    _own: OwnSchedule,
    ApiQuery(params): ApiQuery<ScheduleTickParams>,
    pagination: Pagination,
) -> Result<Json<ScheduleTickPage>, ApiError> {
    let schedules = &state.services.automation.schedules;
    let id = WorkflowScheduleId(id);
    let (found, count) = schedules.list_ticks(&actor, id, params.outcome, pagination.page()).await?;
    Ok(Json(pagination.numbered(found, count).into()))
}

/// Why a schedule starts no run now: what the clock says, then the runs that are under way and the fire times that
/// wait for them.
#[operation(
    get, path = "/api/v1/automation/schedules/{id}/why/", tag = TAG,
    params(("id" = Uuid, Path, description = "The schedule's id")),
    responses((status = 200, description = "The reasons.", body = Vec<ScheduleReasonView>))
)]
async fn list_schedule_reasons(
    State(state): State<ApiState>,
    Authenticated(actor): Authenticated,
    ApiPath(id): ApiPath<Uuid>,
) -> Result<Json<Vec<ScheduleReasonView>>, ApiError> {
    let reasons = state.services.automation.schedules.why(&actor, WorkflowScheduleId(id)).await?;
    Ok(Json(reasons.into_iter().map(ScheduleReasonView::from).collect()))
}
