//! Doing the same to many jobs.

use atelier_queue::inspect::BulkAction;
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::TAG;
use crate::{
    app::ApiState,
    dto::{
        admin::steering::{CountView, SteeringBody},
        job::JobAnswer,
    },
    error::ApiError,
    extract::{Admin, JsonBody},
    idempotency::kept,
    routes::accepted,
};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(kept::<Admin>(routes!(cancel_jobs)))
        .routes(kept::<Admin>(routes!(replay_jobs)))
        .routes(kept::<Admin>(routes!(discard_jobs)))
}

/// Cancels every job of a filter that waits or runs.
///
/// With `dry_run` it only counts them. Otherwise a job does it, to what is there now.
#[utoipa::path(
    post, path = "/api/admin/jobs/cancel", tag = TAG, request_body = SteeringBody,
    responses(
        (status = 200, description = "How many it would be.", body = CountView),
        (
            status = 202, description = "A job does it; its result has `done` and `skipped`.", body = JobAnswer,
            headers(("Location" = String, description = "The job's address."))
        ),
    )
)]
async fn cancel_jobs(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    JsonBody(body): JsonBody<SteeringBody>,
) -> Result<Response, ApiError> {
    steer(&state, &actor, BulkAction::Cancel, body).await
}

/// Runs every job of a filter again that failed, was cancelled or discarded.
///
/// Generations are left out and counted in the result: each was refunded when it
/// ended, and would have to be charged anew.
#[utoipa::path(
    post, path = "/api/admin/jobs/replay", tag = TAG, request_body = SteeringBody,
    responses(
        (status = 200, description = "How many it would be.", body = CountView),
        (
            status = 202, description = "A job does it; its result has `done`, `skipped`, `generations_left_out` and `deployments_left_out`.",
            body = JobAnswer, headers(("Location" = String, description = "The job's address."))
        ),
    )
)]
async fn replay_jobs(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    JsonBody(body): JsonBody<SteeringBody>,
) -> Result<Response, ApiError> {
    steer(&state, &actor, BulkAction::Replay, body).await
}

/// Throws every job of a filter away that waits, failed or was cancelled.
#[utoipa::path(
    post, path = "/api/admin/jobs/discard", tag = TAG, request_body = SteeringBody,
    responses(
        (status = 200, description = "How many it would be.", body = CountView),
        (
            status = 202, description = "A job does it; its result has `done` and `skipped`.", body = JobAnswer,
            headers(("Location" = String, description = "The job's address."))
        ),
    )
)]
async fn discard_jobs(
    State(state): State<ApiState>,
    Admin(actor): Admin,
    JsonBody(body): JsonBody<SteeringBody>,
) -> Result<Response, ApiError> {
    steer(&state, &actor, BulkAction::Discard, body).await
}

async fn steer(
    state: &ApiState,
    actor: &atelier_foundation::Actor,
    action: BulkAction,
    body: SteeringBody,
) -> Result<Response, ApiError> {
    let maintenance = &state.services.maintenance;
    let dry_run = body.dry_run;
    let filter = body.filter()?;
    if dry_run {
        let count = maintenance.count_steered(action, filter).await?;
        return Ok(Json(CountView { count }).into_response());
    }
    let job = maintenance.start_steering(actor, action, filter).await?;
    Ok(accepted(&job, JobAnswer { job: job.clone().into() }))
}
