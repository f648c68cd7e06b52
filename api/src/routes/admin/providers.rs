//! The model servers.

use axum::{Json, extract::State};

use super::TAG;
use crate::{
    dto::admin::providers::ProviderView,
    error::ApiError,
    extract::Admin,
    route::{Routes, operation, routes},
    state::ApiState,
};

pub(super) fn routes() -> Routes {
    Routes::new().add(routes!(list_providers))
}

/// The model servers in the order in which they are asked: circuits, limits, and what they
/// cost. Empty where the built-in generator writes applications.
#[operation(
    get, path = "/api/admin/providers", operation_id = "list_model_providers", tag = TAG,
    responses((status = 200, description = "The model servers.", body = Vec<ProviderView>))
)]
async fn list_providers(
    State(state): State<ApiState>,
    _: Admin,
) -> Result<Json<Vec<ProviderView>>, ApiError> {
    let servers = state.services.builder.generation.list_servers().await?;
    Ok(Json(servers.into_iter().map(ProviderView::from).collect()))
}
