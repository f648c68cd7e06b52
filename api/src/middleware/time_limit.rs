//! A bound on how long an answer may take to begin. Streams begin at once, so
//! their length is their own affair.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{app::ApiState, error::ApiError};

/// Answers 503 where the handler takes longer than the settings allow.
pub(crate) async fn apply(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let limit = state.options.request_timeout;
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let message = format!("The answer took longer than {} s.", limit.as_secs());
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "TIMED_OUT", message)
            .with_retry_after(1)
            .into_response()
    })
}
