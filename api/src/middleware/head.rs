//! Refuses requests whose head is at fault: no or several hosts, an address or headers
//! that are too long.

use atelier_ops::connections::HeadFault;
use axum::{
    extract::Request,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::error::ApiError;

/// Answers what the connection found at fault, and has it closed.
pub(crate) async fn apply<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let fault = request.extensions().get::<HeadFault>().copied();
    let Some(HeadFault(status)) = fault else { return next(request).await };
    let mut response = ApiError::of_status(status).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
