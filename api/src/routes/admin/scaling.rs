//! The load of queues for autoscalers, and the recurring jobs.

use atelier_queue::schedule;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

use super::TAG;
use crate::{
    dto::{
        admin::{
            filter_queue,
            scaling::{ScalingAnswer, ScalingQuery, ScalingValue, ScalingView},
            steering::{PauseRecurringInput, ScheduleView},
        },
        automation::schedule::ScheduleReasonView,
        jobs::JobAnswer,
    },
    error::ApiError,
    extract::{Admin, ApiPath, ApiQuery, OptionalJsonBody},
    responses::accepted,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(routes!(get_scaling))
        .add(routes!(list_schedules))
        .add(routes!(list_recurring_reasons))
        .add(route(routes!(run_recurring)).keeps::<Admin>())
        .add(routes!(pause_recurring))
        .add(routes!(resume_recurring))
}

/// The load of each queue and how many workers that wants.
///
/// With `queue` the answer is one flat object, `{"value": workers}`, as KEDA's
/// metrics-api scaler reads it, or with `format=text` the number alone.
#[operation(
    get, path = "/api/admin/scaling", operation_id = "get_queue_scaling", tag = TAG, params(ScalingQuery),
    responses((
        status = 200, description = "The load.",
        content((ScalingAnswer = "application/json"), (String = "text/plain"))
    ))
)]
async fn get_scaling(
    State(state): State<ApiState>,
    _: Admin,
    headers: HeaderMap,
    ApiQuery(query): ApiQuery<ScalingQuery>,
) -> Result<Response, ApiError> {
    let target_wait = query.target_wait()?;
    let accepted = headers.get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok());
    let is_text = query.wants_text(accepted)?;
    let only = query.queue.as_deref().map(filter_queue).transpose()?;
    let queues = state.services.queue.list_scaling().await?;
    let Some(only) = only else {
        let views = queues.iter().map(|queue| ScalingView::new(queue, target_wait)).collect();
        return Ok(Json(ScalingAnswer::All(views)).into_response());
    };
    let named = queues.iter().find(|queue| queue.queue == only);
    let value = named.map_or(0, |queue| queue.desired_workers(target_wait));
    if is_text {
        return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], value.to_string()).into_response());
    }
    Ok(Json(ScalingAnswer::One(ScalingValue { value })).into_response())
}

/// The jobs that come by the clock.
#[operation(
    get, path = "/api/admin/schedules", tag = TAG,
    responses((status = 200, description = "The schedules.", body = Vec<ScheduleView>))
)]
async fn list_schedules(
    State(state): State<ApiState>,
    _: Admin,
) -> Result<Json<Vec<ScheduleView>>, ApiError> {
    let queue = &state.services.queue;
    let (schedules, now) = (schedule::list(queue).await?, queue.now());
    Ok(Json(schedules.into_iter().map(|schedule| ScheduleView::new(schedule, now)).collect()))
}

/// Why a recurring job is not enqueued now: paused, by whom and since when, or what the clock says; then its last job,
/// if that has not ended.
#[operation(
    get, path = "/api/admin/schedules/{name}/why", tag = TAG,
    params(("name" = String, Path, description = "The name of the recurring job")),
    responses((status = 200, description = "The reasons.", body = Vec<ScheduleReasonView>))
)]
async fn list_recurring_reasons(
    State(state): State<ApiState>,
    _: Admin,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<Vec<ScheduleReasonView>>, ApiError> {
    let reasons = state.services.why_schedule(&name).await?;
    Ok(Json(reasons.into_iter().map(ScheduleReasonView::from).collect()))
}

/// Enqueues a recurring job now, paused or not. A job of it that is not finished stands for the new one.
#[operation(
    post, path = "/api/admin/schedules/{name}/run", tag = TAG,
    params(("name" = String, Path, description = "The name of the recurring job")),
    responses((
        status = 202, description = "The job.", body = JobAnswer,
        headers(("Location" = String, description = "The job's address."), ("Retry-After" = u64))
    ))
)]
async fn run_recurring(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(name): ApiPath<String>,
) -> Result<Response, ApiError> {
    let id = state.services.run_schedule(&actor, &name).await?;
    let job = state.services.get_job(&actor, id).await?;
    Ok(accepted(&job, JobAnswer { job: job.clone().into() }))
}

/// Keeps a recurring job from being enqueued by the clock.
#[operation(
    post, path = "/api/admin/schedules/{name}/pause", tag = TAG,
    params(("name" = String, Path, description = "The name of the recurring job")),
    request_body(content = PauseRecurringInput, description = "May be left out."),
    responses((status = 200, description = "The schedule as it is now.", body = ScheduleView))
)]
async fn pause_recurring(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(name): ApiPath<String>,
    OptionalJsonBody(input): OptionalJsonBody<PauseRecurringInput>,
) -> Result<Json<ScheduleView>, ApiError> {
    let schedule = state.services.pause_schedule(&actor, &name, input.reason).await?;
    Ok(Json(ScheduleView::new(schedule, state.services.queue.now())))
}

/// Lets a recurring job be enqueued by the clock again, from now on.
#[operation(
    post, path = "/api/admin/schedules/{name}/resume", tag = TAG,
    params(("name" = String, Path, description = "The name of the recurring job")),
    responses((status = 200, description = "The schedule as it is now.", body = ScheduleView))
)]
async fn resume_recurring(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(name): ApiPath<String>,
) -> Result<Json<ScheduleView>, ApiError> {
    let schedule = state.services.resume_schedule(&actor, &name).await?;
    Ok(Json(ScheduleView::new(schedule, state.services.queue.now())))
}
