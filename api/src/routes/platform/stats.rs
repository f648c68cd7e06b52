//! Public figures and health.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    dto::platform::stats::{HealthView, StatsView},
    error::ApiError,
    route::{Routes, operation, route, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(get_stats)).add(route(routes!(get_api_health)).unlimited())
}

/// The platform's figures, counted every few minutes.
#[operation(
    get, path = "/api/stats", operation_id = "get_platform_figures", tag = "Platform", security(()),
    responses((status = 200, description = "The figures.", body = StatsView))
)]
async fn get_stats(State(state): State<ApiState>) -> Result<Json<StatsView>, ApiError> {
    Ok(Json(state.services.stats.get().await.map_err(|error| ApiError::failed(&error))?.into()))
}

/// A health summary for frontends.
///
/// Operators' probes are /healthz and /readyz.
#[operation(
    get, path = "/api/health", operation_id = "get_health", tag = "Platform", security(()),
    responses(
        (status = 200, description = "All is well, or jobs are delayed.", body = HealthView),
        (status = 503, description = "The database does not answer, or takes no writes.", body = HealthView),
    )
)]
async fn get_api_health(State(state): State<ApiState>) -> Response {
    let queue = &state.services.queue;
    let (stats, database_fault, transport_fault) =
        tokio::join!(state.services.stats.get(), queue.database_fault(), queue.transport_fault());
    if let Err(error) = &stats {
        tracing::warn!(%error, "the database does not answer");
    }
    let jobs = if transport_fault.is_some() { "delayed" } else { "ok" };
    let (code, status, database) = if stats.is_err() || database_fault.is_some() {
        (StatusCode::SERVICE_UNAVAILABLE, "degraded", "unavailable")
    } else {
        (StatusCode::OK, if jobs == "ok" { "ok" } else { "degraded" }, "ok")
    };
    let time = state.services.queue.now();
    let view = HealthView { status, database, jobs, version: env!("CARGO_PKG_VERSION"), time };
    (code, Json(view)).into_response()
}
