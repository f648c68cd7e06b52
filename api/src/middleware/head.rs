//! Refuses requests with a malformed head: no host or several, or an address or headers
//! that are too long.

use atelier_ops::connections::HeadFault;
use axum::{
    extract::Request,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::error::ApiError;

/// Answers the fault that the connection found, and closes the connection.
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
