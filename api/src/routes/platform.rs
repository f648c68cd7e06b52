//! The platform as a whole: figures, health, the page at `/`.

pub(crate) mod home;
mod stats;

use utoipa_axum::router::OpenApiRouter;

use crate::state::ApiState;

/// The routes of this context.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().merge(stats::routes())
}
