//! What people build: projects, their code, their deployments.

mod code;
mod deployments;
pub(crate) mod preview;
mod projects;
mod versions;

use crate::route::Routes;

/// The routes of this context.
pub(super) fn routes() -> Routes {
    Routes::new()
        .merge(projects::routes())
        .merge(code::routes())
        .merge(versions::routes())
        .merge(deployments::routes())
}
