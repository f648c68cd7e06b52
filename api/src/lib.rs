//! The HTTP interface of Atelier: routes, extractors, errors and the OpenAPI document. It
//! holds no business rule and no SQL: each handler checks the shape of its input, calls one
//! service and shows the result.
//!
//! The modules depend on each other in one direction: `request_id`, `policy` and `error`,
//! then `state`, `extract`, `middleware`, `route`, `routes` with their `dto`, and `docs`,
//! `polling`, `site_routing` and `app` above them. Only tests compile `openapi`, which makes the document.

mod app;
mod cookies;
mod docs;
mod dto;
mod error;
mod event_stream;
mod extract;
mod middleware;
mod policy;
mod polling;
mod request_id;
mod responses;
mod route;
mod routes;
mod schema;
mod serve;
mod site_routing;
mod state;
mod static_file;

pub mod metrics;

#[cfg(test)]
mod openapi;
#[cfg(test)]
mod testing;

pub use app::router;
pub use docs::openapi_json;
pub use error::ApiError;
pub use serve::serve;
pub use state::{ApiOptions, ApiState, LimitOptions, StrictTransport};
