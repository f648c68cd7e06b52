//! What the handlers share, and the router that puts everything together.

#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc, time::Duration};

use atelier_config::Network;
use atelier_ops::{
    host::HostProbe,
    server::{Operations, routes as operations_routes},
    shutdown::Shutdown,
};
use atelier_providers::limiter::RateLimiter;
use atelier_services::Services;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate},
    },
};

use crate::{
    docs, idempotency,
    middleware::{
        body_limit, cors, error_shape, identify, panics, plain_address, rate_limit, request_id,
        security_headers, telemetry, time_limit,
    },
    preview, routes,
    sse::Streams,
};

/// Settings of the HTTP interface.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// Longest an answer may take to begin.
    pub request_timeout: Duration,
    /// Origins that browsers may call from; `*` is any.
    pub cors_allowed_origins: Vec<String>,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Folder whose disk operators see.
    pub data_dir: PathBuf,
    /// How often things may be done.
    pub limits: LimitOptions,
    /// Whether browsers are told to come by https alone, as they do where the public
    /// address begins with it.
    pub strict_transport: bool,
}

/// How often things may be done.
#[derive(Clone, Copy, Debug)]
pub struct LimitOptions {
    /// Requests a minute of one person, or of one address where nobody is signed in.
    pub requests_per_minute: u32,
    /// Registrations, sign-ins and refreshes a minute of one address.
    pub auth_per_minute: u32,
    /// Generations and deployments a minute of one person.
    pub generation_per_minute: u32,
}

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    pub(crate) services: Services,
    pub(crate) limiter: Arc<dyn RateLimiter>,
    pub(crate) options: Arc<ApiOptions>,
    pub(crate) operations: Operations,
    pub(crate) shutdown: Shutdown,
    pub(crate) streams: Streams,
    pub(crate) host: HostProbe,
}

impl ApiState {
    /// The state of a router. `operations` answers the probes and the scrape;
    /// `shutdown` ends event streams when it begins.
    #[must_use]
    pub fn new(
        services: Services,
        limiter: Arc<dyn RateLimiter>,
        options: ApiOptions,
        operations: Operations,
        shutdown: Shutdown,
    ) -> Self {
        let host = HostProbe::new(options.data_dir.clone());
        let (options, streams) = (Arc::new(options), Streams::default());
        Self { services, limiter, options, operations, shutdown, streams, host }
    }
}

impl std::fmt::Debug for ApiState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiState").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Every route with every middleware. Serve it with connection information
/// (`into_make_service_with_connect_info::<SocketAddr>()`), as [`crate::serve`]
/// does: without it all clients look like one address.
pub fn router(state: ApiState) -> Router {
    crate::metrics::describe();
    let (api, _) = routes::all().split_for_parts();
    let api = api
        .layer(from_fn_with_state(state.clone(), idempotency::apply))
        .layer(from_fn_with_state(state.clone(), rate_limit::apply))
        .layer(from_fn_with_state(state.clone(), identify::apply));
    // ZIP files are compressed already.
    let worth_compressing = DefaultPredicate::new().and(NotForContentType::const_new("application/zip"));
    Router::new()
        .merge(api)
        .merge(docs::routes())
        .merge(preview::routes())
        .merge(operations_routes(state.operations.clone()))
        .layer(from_fn_with_state(state.clone(), time_limit::apply))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(state.clone(), body_limit::apply))
        .layer(CompressionLayer::new().compress_when(worth_compressing))
        .layer(from_fn(plain_address::apply))
        .layer(from_fn(error_shape::apply))
        .layer(CatchPanicLayer::custom(panics::answer))
        .layer(cors::layer(&state.options.cors_allowed_origins))
        .layer(from_fn(telemetry::apply))
        .layer(from_fn_with_state(state.clone(), security_headers::apply))
        .layer(from_fn(request_id::assign))
        .with_state(state)
}
