//! A limit on the time until an answer begins. Streams begin at once; their duration is not
//! limited here.

use std::time::Duration;

use axum::{
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{error::ApiError, state::ApiState};

/// Answers 503 where the handler takes longer than the settings allow.
pub(crate) async fn apply<F: Future<Output = Response>>(
    state: &ApiState,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let limit = state.options.request_timeout;
    let answer = tokio::time::timeout(limit, next(request)).await;
    answer.unwrap_or_else(|_| timed_out(limit).into_response())
}

/// 503 for an answer that took longer than the limit.
pub(crate) fn timed_out(limit: Duration) -> ApiError {
    let message = format!("The answer took longer than {} s.", limit.as_secs());
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "TIMED_OUT", message).with_retry_after(1)
}
