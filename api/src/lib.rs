//! The HTTP interface of Atelier: routes, extractors, errors and the OpenAPI
//! document. It holds no rule and no SQL: each handler checks the shape of what
//! came, calls one service and shows the answer.

mod app;
mod cookies;
mod docs;
mod dto;
mod error;
mod extract;
mod home;
mod idempotency;
mod middleware;
mod openapi;
mod polling;
mod preview;
mod routes;
mod schema;
mod serve;
mod sse;

pub mod metrics;

#[cfg(test)]
mod testing;

pub use app::{ApiOptions, ApiState, LimitOptions, StrictTransport, router};
pub use error::ApiError;
pub use openapi::{document, openapi_json};
pub use serve::serve;
