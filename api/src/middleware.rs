//! The middlewares, from the outside in: request id, security headers, tracing and
//! metrics, malformed heads, panics, the error shape, limits of size and time,
//! authentication, rate limits, idempotency and retries.
//!
//! Each is a function that wraps the next one. They form three layers of the router, since
//! each layer costs every request a few allocations.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    extract::{Bearer, client_address},
    policy::{Limit, PolicyTable, RoutePolicy},
    request_id,
    state::ApiState,
};

pub(crate) mod authentication;
pub(crate) mod body_limit;
pub(crate) mod cors;
pub(crate) mod error_shape;
pub(crate) mod head;
pub(crate) mod idempotency;
pub(crate) mod nul_check;
pub(crate) mod panics;
pub(crate) mod rate_limit;
pub(crate) mod refusal_log;
pub(crate) mod retry;
pub(crate) mod security_headers;
pub(crate) mod telemetry;
pub(crate) mod time_limit;
mod token_lookup;

/// The middlewares of every request, whoever answers it.
pub(crate) async fn around_everything(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Response {
    request_id::assign(request, |request| {
        security_headers::apply(&state, request, |request| {
            telemetry::apply(&state.meters, request, |request| {
                head::apply(request, |request| next.run(request))
            })
        })
    })
    .await
}

/// The middlewares that protect handlers and give all errors one shape.
pub(crate) async fn around_handlers(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    panics::catch(request, |request| {
        error_shape::apply(request, |request| {
            nul_check::apply(request, |request| {
                body_limit::apply(&state, request, |request| {
                    time_limit::apply(&state, request, |request| next.run(request))
                })
            })
        })
    })
    .await
}

/// The middlewares of published sites: a rate limit by address.
pub(crate) async fn around_previews(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = client_address(&request, &state.options.trusted_proxies);
    request.extensions_mut().insert(address);
    rate_limit::apply(&state, &[Limit::Preview], request, |request| next.run(request)).await
}

/// The state and the policies that the middlewares of operations read.
pub(crate) struct Operations {
    pub(crate) state: ApiState,
    pub(crate) policies: PolicyTable,
}

/// The middlewares of the API's operations: authentication, rate limits, access,
/// idempotency and retries after conflicts in the database.
pub(crate) async fn around_operations(
    State(operations): State<Arc<Operations>>,
    request: Request,
    next: Next,
) -> Response {
    let (state, policy) = (&operations.state, &operations.policies.of_request(&request));
    authentication::apply(state, policy, request, |request| {
        rate_limit::apply(state, policy.limits, request, |request| run(state, policy, request, next))
    })
    .await
}

/// Runs the handler where the policy of the route admits the caller.
async fn run(state: &ApiState, policy: &RoutePolicy, mut request: Request, next: Next) -> Response {
    if let Some(refusal) = Bearer::refusal(request.extensions().get(), policy.access) {
        return refusal.into_response();
    }
    idempotency::prepare(state, policy, &mut request);
    retry::run(&state.services.queue, request, next).await
}
