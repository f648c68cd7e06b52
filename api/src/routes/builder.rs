//! What people build: projects, their code, their deployments.

mod code;
mod deployments;
pub(crate) mod preview;
mod projects;

use utoipa_axum::router::OpenApiRouter;

use crate::state::ApiState;

/// The routes of this context.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().merge(projects::routes()).merge(code::routes()).merge(deployments::routes())
}
