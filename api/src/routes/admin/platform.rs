//! The platform: at a glance, how it grows, and how its parts are.

use atelier_services::admin::PROBE_LIMIT;
use axum::{Json, extract::State};

use super::TAG;
use crate::{
    dto::admin::{
        health::SystemHealthView,
        platform::{GrowthParams, GrowthView, OverviewView},
    },
    error::ApiError,
    extract::{Admin, ApiQuery},
    route::{Routes, operation, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(get_overview)).add(routes!(get_growth)).add(routes!(get_system_health))
}

/// The platform at a glance.
#[operation(
    get, path = "/api/admin/stats/overview", operation_id = "get_platform_overview", tag = TAG,
    responses((status = 200, description = "The figures.", body = OverviewView))
)]
async fn get_overview(State(state): State<ApiState>, _: Admin) -> Result<Json<OverviewView>, ApiError> {
    Ok(Json(state.services.admin.overview().await?.into()))
}

/// How many accounts were made, by day, week or month.
#[operation(
    get, path = "/api/admin/stats/users-growth", operation_id = "get_user_growth",
    tag = TAG, params(GrowthParams),
    responses((status = 200, description = "One point a period.", body = GrowthView))
)]
async fn get_growth(
    State(state): State<ApiState>,
    _: Admin,
    ApiQuery(query): ApiQuery<GrowthParams>,
) -> Result<Json<GrowthView>, ApiError> {
    Ok(Json(state.services.admin.growth(query.check()?).await?.into()))
}

/// How the parts of the platform are, each asked in bounded time.
///
/// The answer is 200 whatever they are: see `status`.
#[operation(
    get, path = "/api/admin/system/health", tag = TAG,
    responses((status = 200, description = "The parts.", body = SystemHealthView))
)]
async fn get_system_health(
    State(state): State<ApiState>,
    _: Admin,
) -> Result<Json<SystemHealthView>, ApiError> {
    let (report, host) = tokio::join!(state.services.admin.health(), state.host.look(PROBE_LIMIT));
    Ok(Json(SystemHealthView::new(report, host.as_ref(), state.services.queue.now())))
}
