//! What the handlers share, and the router that puts everything together.

#[cfg(test)]
mod tests;

use std::{ops::Deref, path::PathBuf, sync::Arc, time::Duration};

use atelier_config::Network;
use atelier_ops::{
    connections::ConnectionLimits,
    host::HostProbe,
    server::{Operations, routes as operations_routes},
    shutdown::Shutdown,
};
use atelier_providers::limiter::RateLimiter;
use atelier_services::Services;
use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn_with_state};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate},
    },
};

use crate::{
    docs, home,
    middleware::{self, cors, lookups::Strangers, telemetry::Meters},
    polling::Polls,
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
    /// What clients may hold.
    pub connections: ConnectionLimits,
    /// Origins that browsers may call from; `*` is any.
    pub cors_allowed_origins: Vec<String>,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Folder whose disk operators see.
    pub data_dir: PathBuf,
    /// How often things may be done.
    pub limits: LimitOptions,
    /// Which hosts browsers are told to come to by https alone.
    pub strict_transport: StrictTransport,
}

/// Which hosts browsers come to by https alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrictTransport {
    /// None, as where the public address begins with http.
    Off,
    /// The one of the public address.
    Host,
    /// That one and every host beneath it.
    Subdomains,
}

/// How often things may be done.
#[derive(Clone, Copy, Debug)]
pub struct LimitOptions {
    /// Requests a minute of one person, or of one address where nobody is signed in.
    pub requests_per_minute: u32,
    /// Registrations, sign-ins and refreshes a minute of one address.
    pub auth_per_minute: u32,
    /// Generations, deployments, retries and exports a minute of one person.
    pub generation_per_minute: u32,
    /// Files of published sites a minute of one address.
    pub preview_per_minute: u32,
}

/// What the handlers share. Cheap to clone, as every request does several times.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

/// What [`ApiState`] leads to.
pub struct Shared {
    pub(crate) services: Services,
    pub(crate) limiter: Arc<dyn RateLimiter>,
    pub(crate) options: ApiOptions,
    pub(crate) operations: Operations,
    pub(crate) shutdown: Shutdown,
    pub(crate) streams: Streams,
    pub(crate) host: HostProbe,
    pub(crate) meters: Meters,
    pub(crate) strangers: Strangers,
}

impl Deref for ApiState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl ApiState {
    /// The state of a router. `operations` answers the probes and the scrape;
    /// `shutdown` ends event streams when it begins. Install the recorder of metrics
    /// before.
    #[must_use]
    pub fn new(
        services: Services,
        limiter: Arc<dyn RateLimiter>,
        options: ApiOptions,
        operations: Operations,
        shutdown: Shutdown,
    ) -> Self {
        let host = HostProbe::new(options.data_dir.clone());
        let (streams, meters, strangers) = (Streams::default(), Meters::default(), Strangers::default());
        Self(Arc::new(Shared {
            services,
            limiter,
            options,
            operations,
            shutdown,
            streams,
            host,
            meters,
            strangers,
        }))
    }
}

impl std::fmt::Debug for ApiState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiState").field("options", &self.0.options).finish_non_exhaustive()
    }
}

/// Every route with every middleware. Serve it with connection information, as
/// [`crate::serve`] does: without it all clients look like one address.
pub fn router(state: ApiState) -> Router {
    crate::metrics::describe();
    let (api, _) = routes::all().split_for_parts();
    let api = api.layer(from_fn_with_state(state.clone(), middleware::around_operations));
    let cors = cors::layer(&state.options.cors_allowed_origins);
    // ZIP files are compressed already. What is the same for everybody comes compressed;
    // for the rest the least effort takes off most.
    let worth_compressing = DefaultPredicate::new().and(NotForContentType::const_new("application/zip"));
    let compression = CompressionLayer::new().quality(CompressionLevel::Fastest);
    Router::new()
        .merge(api)
        .merge(home::routes())
        .merge(docs::routes())
        .merge(preview::routes(&state))
        .merge(operations_routes(state.operations.clone()))
        .layer((
            Polls::new(&state, &cors),
            from_fn_with_state(state.clone(), middleware::around_everything),
            cors,
            compression.compress_when(worth_compressing),
            DefaultBodyLimit::disable(),
            from_fn_with_state(state.clone(), middleware::around_handlers),
        ))
        .with_state(state)
}
