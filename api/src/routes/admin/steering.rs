//! Bulk actions on jobs.

use atelier_queue::inspect::BulkAction;
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use super::TAG;
use crate::{
    dto::{
        admin::steering::{CountView, SteeringBody},
        jobs::JobAnswer,
    },
    error::ApiError,
    extract::{Admin, JsonBody},
    responses::accepted,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(route(routes!(cancel_jobs)).keeps::<Admin>())
        .add(route(routes!(replay_jobs)).keeps::<Admin>())
        .add(route(routes!(discard_jobs)).keeps::<Admin>())
}

/// Cancels every job of a filter that waits or runs.
///
/// With `dry_run` it only counts them. Otherwise a job does it, to what is there now.
#[operation(
    post, path = "/api/admin/jobs/cancel", tag = TAG, request_body = SteeringBody,
    responses(
        (status = 200, description = "How many it would be.", body = CountView),
        (
            status = 202, description = "A job does it; its result has `done` and `skipped`.", body = JobAnswer,
            headers(("Location" = String, description = "The job's address."), ("Retry-After" = u64))
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
#[operation(
    post, path = "/api/admin/jobs/replay", tag = TAG, request_body = SteeringBody,
    responses(
        (status = 200, description = "How many it would be.", body = CountView),
        (
            status = 202, description = "A job does it; its result has `done`, `skipped`, `generations_left_out` and `deployments_left_out`.",
            body = JobAnswer,
            headers(("Location" = String, description = "The job's address."), ("Retry-After" = u64))
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
#[operation(
    post, path = "/api/admin/jobs/discard", tag = TAG, request_body = SteeringBody,
    responses(
        (status = 200, description = "How many it would be.", body = CountView),
        (
            status = 202, description = "A job does it; its result has `done` and `skipped`.", body = JobAnswer,
            headers(("Location" = String, description = "The job's address."), ("Retry-After" = u64))
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
        let count = maintenance.count_bulk_action(action, filter).await?;
        return Ok(Json(CountView { count }).into_response());
    }
    let job = maintenance.start_bulk_action(actor, action, filter).await?;
    Ok(accepted(&job, JobAnswer { job: job.clone().into() }))
}
