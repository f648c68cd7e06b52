//! Pausing and limiting queues.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{TAG, named};
use crate::{
    app::ApiState,
    dto::admin::{PauseView, limits::LimitsView},
    error::ApiError,
    extract::{Admin, ApiPath, JsonBody},
    idempotency::kept,
};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(kept::<Admin>(routes!(pause_queue)))
        .routes(kept::<Admin>(routes!(resume_queue)))
        .routes(routes!(get_limits, update_limits))
}

/// Stops workers from taking jobs of a queue. What runs goes on.
#[utoipa::path(
    post, path = "/api/admin/queues/{queue}/pause", tag = TAG,
    params(("queue" = String, Path, description = "The queue's name")),
    responses((status = 200, description = "Paused.", body = PauseView))
)]
async fn pause_queue(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(queue): ApiPath<String>,
) -> Result<Json<PauseView>, ApiError> {
    let queue = named(&queue)?;
    state.services.maintenance.pause_queue(&actor, queue).await?;
    Ok(Json(PauseView { queue: queue.as_str(), paused: true }))
}

/// Lets workers take jobs of a queue again.
#[utoipa::path(
    post, path = "/api/admin/queues/{queue}/resume", tag = TAG,
    params(("queue" = String, Path, description = "The queue's name")),
    responses((status = 200, description = "Resumed.", body = PauseView))
)]
async fn resume_queue(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(queue): ApiPath<String>,
) -> Result<Json<PauseView>, ApiError> {
    let queue = named(&queue)?;
    state.services.maintenance.resume_queue(&actor, queue).await?;
    Ok(Json(PauseView { queue: queue.as_str(), paused: false }))
}

/// The limits of a queue over all workers.
#[utoipa::path(
    get, path = "/api/admin/queues/{queue}/limits", tag = TAG,
    params(("queue" = String, Path, description = "The queue's name")),
    responses((status = 200, description = "The limits.", body = LimitsView))
)]
async fn get_limits(
    State(state): State<ApiState>,
    _: Admin,
    ApiPath(queue): ApiPath<String>,
) -> Result<Json<LimitsView>, ApiError> {
    let limits = state.services.queue.get_limits(named(&queue)?).await?;
    Ok(Json(limits.into()))
}

/// Replaces the limits of a queue. They hold from the next start on; running jobs
/// above a new limit go on.
#[utoipa::path(
    put, path = "/api/admin/queues/{queue}/limits", tag = TAG,
    params(("queue" = String, Path, description = "The queue's name")),
    request_body = LimitsView,
    responses((status = 200, description = "The new limits.", body = LimitsView))
)]
async fn update_limits(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    ApiPath(queue): ApiPath<String>,
    JsonBody(body): JsonBody<LimitsView>,
) -> Result<Json<LimitsView>, ApiError> {
    let (queue, limits) = (named(&queue)?, body.check()?);
    state.services.maintenance.limit_queue(&actor, queue, |_| limits).await?;
    Ok(Json(limits.into()))
}
