//! Answers that several contexts give.

use atelier_entities::jobs::Model as Job;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// 202 with the job's address: the work is queued and not done yet.
pub(crate) fn accepted(job: &Job, body: impl Serialize) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/jobs/{}", job.id)) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::RETRY_AFTER, HeaderValue::from(1));
    response
}

/// A page of a list that is an object: `{count, next, previous, results}`.
pub(crate) struct Numbered<T> {
    /// All entries, as far as they were counted.
    pub(crate) count: u64,
    /// The address of the next page.
    pub(crate) next: Option<String>,
    /// The address of the page before.
    pub(crate) previous: Option<String>,
    /// The entries of this page.
    pub(crate) results: Vec<T>,
}
