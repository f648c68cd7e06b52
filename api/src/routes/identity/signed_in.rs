//! The answer to a sign-in.

use atelier_foundation::identity::SignedIn;
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{cookies, dto::identity::account::SignedInView};

/// An account that just signed in, and the cookie that identifies its device.
pub(super) fn signed_in(status: StatusCode, signed_in: SignedIn) -> Response {
    let device = signed_in.device.clone();
    let mut response = (status, Json(SignedInView::from(signed_in))).into_response();
    cookies::set_device(&mut response, device.as_ref());
    response
}
