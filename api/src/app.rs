//! The router with every route and every middleware.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use atelier_ops::server::routes as operations_routes;
use axum::{Router, extract::DefaultBodyLimit, http::Method, middleware::from_fn_with_state};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate},
    },
};

use crate::{
    docs,
    middleware::{self, Operations, cors},
    polling::{self, JobPollLayer},
    routes,
    site_routing::{self, SiteRouting},
    state::ApiState,
};

/// Every route with every middleware. Serve it with connection information, as
/// `serve` does: without it all clients look like one address.
pub fn router(state: ApiState) -> Router {
    crate::metrics::describe();
    let (api, policies) = routes::all().into_parts();
    let poll_policy = policies.find(&Method::GET, polling::PATTERN);
    let operations = Arc::new(Operations { state: state.clone(), policies });
    let api = api.layer(from_fn_with_state(operations, middleware::around_operations));
    let cors = cors::layer(&state.options.cors_allowed_origins);
    // ZIP files and static files are compressed already. For the rest the fastest level
    // saves most of the bytes.
    let worth_compressing = DefaultPredicate::new().and(NotForContentType::const_new("application/zip"));
    let compression =
        CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth_compressing);
    let site_layers = (
        from_fn_with_state(state.clone(), middleware::around_everything),
        compression.clone(),
        DefaultBodyLimit::disable(),
        from_fn_with_state(state.clone(), middleware::around_handlers),
    );
    let sites = routes::builder::preview::host_routes(&state).layer(site_layers).with_state(state.clone());
    let site_hosts = Arc::new(SiteRouting::new(&state, sites));
    Router::new()
        .merge(api)
        .merge(routes::platform::home::routes())
        .merge(docs::routes())
        .merge(routes::builder::preview::routes(&state))
        .merge(operations_routes(state.operations.clone()))
        .layer((
            from_fn_with_state(site_hosts, site_routing::apply),
            JobPollLayer::new(&state, &cors, poll_policy),
            from_fn_with_state(state.clone(), middleware::around_everything),
            cors,
            compression,
            DefaultBodyLimit::disable(),
            from_fn_with_state(state.clone(), middleware::around_handlers),
        ))
        .with_state(state)
}
