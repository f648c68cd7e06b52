//! Mails to people: which of them they want.

mod notifications;
mod unsubscribe;

use utoipa_axum::router::OpenApiRouter;

use crate::state::ApiState;

/// The routes of this context.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().merge(notifications::routes()).merge(unsubscribe::routes())
}
