//! The HTTP interface of Atelier: routes, extractors, errors and the OpenAPI
//! document. It holds no rule and no SQL: each handler checks the shape of what
//! came, calls one service and shows the answer.

mod app;
mod cookies;
mod docs;
mod dto;
mod error;
mod extract;
mod middleware;
mod openapi;
mod policy;
mod polling;
mod request_id;
mod responses;
mod route;
mod routes;
mod serve;
mod state;
mod static_file;

pub mod metrics;

#[cfg(test)]
mod testing;

pub use app::router;
pub use error::ApiError;
pub use openapi::{document, openapi_json};
pub use serve::serve;
pub use state::{ApiOptions, ApiState, LimitOptions, StrictTransport};
