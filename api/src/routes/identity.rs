//! People: accounts, sign-in, sessions, tokens, profiles.

mod account_links;
mod accounts;
mod api_tokens;
mod linked_accounts;
mod oauth;
mod sessions;
mod signed_in;
mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::state::ApiState;

/// The routes of this context.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(accounts::routes())
        .merge(account_links::routes())
        .merge(oauth::routes())
        .merge(sessions::routes())
        .merge(api_tokens::routes())
        .merge(linked_accounts::routes())
        .merge(users::routes())
}
