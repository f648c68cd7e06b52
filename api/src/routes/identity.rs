//! People: accounts, sign-in, sessions, tokens, profiles.

mod account_links;
mod accounts;
mod api_tokens;
mod linked_accounts;
mod oauth;
mod sessions;
mod signed_in;
mod users;

use crate::route::Routes;

/// The routes of this context.
pub(super) fn routes() -> Routes {
    Routes::new()
        .merge(accounts::routes())
        .merge(account_links::routes())
        .merge(oauth::routes())
        .merge(sessions::routes())
        .merge(api_tokens::routes())
        .merge(linked_accounts::routes())
        .merge(users::routes())
}
