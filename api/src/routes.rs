//! The routes, a folder a context. Each handler's docstring is its description in the
//! OpenAPI document; an operation needs a signed-in person unless it says
//! `security(())`.

mod admin;
mod automation;
mod billing;
pub(crate) mod builder;
mod identity;
pub(crate) mod jobs;
mod mail;
pub(crate) mod platform;

use crate::route::Routes;

/// Every route of the API with its part of the document.
pub(crate) fn all() -> Routes {
    Routes::new()
        .merge(identity::routes())
        .merge(mail::routes())
        .merge(builder::routes())
        .merge(automation::routes())
        .merge(jobs::routes())
        .merge(billing::routes())
        .merge(platform::routes())
        .merge(admin::routes())
}
