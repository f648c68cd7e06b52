//! The routes, a file a domain. Each handler's docstring is its description in the
//! OpenAPI document; an operation needs a signed-in person unless it says
//! `security(())`.

mod account_links;
mod accounts;
mod admin;
mod api_tokens;
mod code;
mod credits;
mod deployments;
mod events;
pub(crate) mod jobs;
mod linked_accounts;
mod notifications;
mod oauth;
mod projects;
mod sessions;
mod stats;
mod unsubscribe;
mod users;

use atelier_entities::jobs::Model as Job;
use atelier_foundation::identity::SignedIn;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use crate::{app::ApiState, cookies, dto::account::SignedInView};

/// Every route of the API with its part of the document.
pub(crate) fn all() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(accounts::routes())
        .merge(account_links::routes())
        .merge(oauth::routes())
        .merge(sessions::routes())
        .merge(api_tokens::routes())
        .merge(linked_accounts::routes())
        .merge(users::routes())
        .merge(notifications::routes())
        .merge(unsubscribe::routes())
        .merge(stats::routes())
        .merge(projects::routes())
        .merge(code::routes())
        .merge(deployments::routes())
        .merge(jobs::routes())
        .merge(events::routes())
        .merge(credits::routes())
        .merge(admin::routes())
}

/// An account that just signed in, and the cookie by which its device is known.
fn signed_in(status: StatusCode, signed_in: SignedIn) -> Response {
    let device = signed_in.device.clone();
    let mut response = (status, Json(SignedInView::from(signed_in))).into_response();
    cookies::set_device(&mut response, device.as_ref());
    response
}

/// 202 with the job's address: the work was asked for and is not done yet.
fn accepted(job: &Job, body: impl Serialize) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/jobs/{}", job.id)) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::RETRY_AFTER, HeaderValue::from(1));
    response
}
