//! Pausing and limiting queues.

use axum::{Json, extract::State};

use super::{TAG, parse_queue};
use crate::{
    dto::admin::{
        PauseView,
        limits::{LimitsInput, LimitsView},
    },
    error::ApiError,
    extract::{Admin, ApiPath, JsonBody},
    route::{Routes, operation, route, routes},
    schema::sets,
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(route(routes!(pause_queue)).keeps::<Admin>())
        .add(route(routes!(resume_queue)).keeps::<Admin>())
        .add(routes!(get_limits, update_limits))
}

/// Stops workers from taking jobs of a queue. What runs goes on.
#[operation(
    post, path = "/api/admin/queues/{queue}/pause", tag = TAG,
    params(("queue" = sets::QueueName, Path, description = "The queue")),
    responses((status = 200, description = "Paused.", body = PauseView))
)]
async fn pause_queue(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(queue): ApiPath<String>,
) -> Result<Json<PauseView>, ApiError> {
    let queue = parse_queue(&queue)?;
    state.services.maintenance.pause_queue(&actor, queue).await?;
    Ok(Json(PauseView { queue: queue.as_str(), paused: true }))
}

/// Lets workers take jobs of a queue again.
#[operation(
    post, path = "/api/admin/queues/{queue}/resume", tag = TAG,
    params(("queue" = sets::QueueName, Path, description = "The queue")),
    responses((status = 200, description = "Resumed.", body = PauseView))
)]
async fn resume_queue(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(queue): ApiPath<String>,
) -> Result<Json<PauseView>, ApiError> {
    let queue = parse_queue(&queue)?;
    state.services.maintenance.resume_queue(&actor, queue).await?;
    Ok(Json(PauseView { queue: queue.as_str(), paused: false }))
}

/// The limits of a queue over all workers.
#[operation(
    get, path = "/api/admin/queues/{queue}/limits", operation_id = "get_queue_limits", tag = TAG,
    params(("queue" = sets::QueueName, Path, description = "The queue")),
    responses((status = 200, description = "The limits.", body = LimitsView))
)]
async fn get_limits(
    State(state): State<ApiState>,
    _: Admin,
    ApiPath(queue): ApiPath<String>,
) -> Result<Json<LimitsView>, ApiError> {
    let limits = state.services.queue.get_limits(parse_queue(&queue)?).await?;
    Ok(Json(limits.into()))
}

/// Replaces the limits of a queue. They hold from the next start on; running jobs
/// above a new limit go on.
#[operation(
    put, path = "/api/admin/queues/{queue}/limits", operation_id = "update_queue_limits", tag = TAG,
    params(("queue" = sets::QueueName, Path, description = "The queue")),
    request_body = LimitsInput,
    responses((status = 200, description = "The new limits.", body = LimitsView))
)]
async fn update_limits(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(queue): ApiPath<String>,
    JsonBody(body): JsonBody<LimitsInput>,
) -> Result<Json<LimitsView>, ApiError> {
    let (queue, limits) = (parse_queue(&queue)?, body.check()?);
    state.services.maintenance.limit_queue(&actor, queue, |_| limits).await?;
    Ok(Json(limits.into()))
}
