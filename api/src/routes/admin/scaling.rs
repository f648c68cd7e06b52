//! The load of queues for autoscalers, and the schedules.

use atelier_queue::schedule;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

use super::TAG;
use crate::{
    dto::admin::{
        filter_queue,
        scaling::{ScalingAnswer, ScalingQuery, ScalingValue, ScalingView},
        steering::ScheduleView,
    },
    error::ApiError,
    extract::{Admin, ApiQuery},
    route::{Routes, operation, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(get_scaling)).add(routes!(list_schedules))
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
    let schedules = schedule::list(&state.services.queue).await?;
    Ok(Json(schedules.into_iter().map(ScheduleView::from).collect()))
}
