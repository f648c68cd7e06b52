//! Mails to people: which of them they want.

mod notifications;
mod unsubscribe;

use crate::route::Routes;

/// The routes of this context.
pub(super) fn routes() -> Routes {
    Routes::new().merge(notifications::routes()).merge(unsubscribe::routes())
}
