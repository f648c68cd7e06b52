//! What people pay with.

mod credits;

use utoipa_axum::router::OpenApiRouter;

use crate::state::ApiState;

/// The routes of this context.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().merge(credits::routes())
}
