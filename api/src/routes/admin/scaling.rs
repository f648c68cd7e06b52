//! What autoscalers ask, and the clock's jobs.

use atelier_queue::schedule;
use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::TAG;
use crate::{
    app::ApiState,
    dto::admin::{
        filter_queue,
        scaling::{ScalingAnswer, ScalingQuery, ScalingValue, ScalingView},
        steering::ScheduleView,
    },
    error::ApiError,
    extract::{Admin, ApiQuery},
};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(get_scaling)).routes(routes!(list_schedules))
}

/// The load of each queue and how many workers that wants.
///
/// With `queue` the answer is one flat object, `{"value": workers}`, as KEDA's
/// metrics-api scaler reads it.
#[utoipa::path(
    get, path = "/api/admin/scaling", tag = TAG, params(ScalingQuery),
    responses((status = 200, description = "The load.", body = ScalingAnswer))
)]
async fn get_scaling(
    State(state): State<ApiState>,
    _: Admin,
    ApiQuery(query): ApiQuery<ScalingQuery>,
) -> Result<Json<ScalingAnswer>, ApiError> {
    let target_wait = query.target_wait()?;
    let only = query.queue.as_deref().map(filter_queue).transpose()?;
    let queues = state.services.queue.list_scaling().await?;
    let Some(only) = only else {
        let views = queues.iter().map(|queue| ScalingView::new(queue, target_wait)).collect();
        return Ok(Json(ScalingAnswer::All(views)));
    };
    let named = queues.iter().find(|queue| queue.queue == only);
    let value = named.map_or(0, |queue| queue.desired_workers(target_wait));
    Ok(Json(ScalingAnswer::One(ScalingValue { value })))
}

/// The jobs that come by the clock.
#[utoipa::path(
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
