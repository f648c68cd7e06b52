//! The platform as a whole: figures, health, the page at `/`.

pub(crate) mod home;
mod stats;

use crate::route::Routes;

/// The routes of this context.
pub(super) fn routes() -> Routes {
    Routes::new().merge(stats::routes())
}
