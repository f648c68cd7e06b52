//! What people pay with.

mod credits;

use crate::route::Routes;

/// The routes of this context.
pub(super) fn routes() -> Routes {
    Routes::new().merge(credits::routes())
}
