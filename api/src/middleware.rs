//! What every request passes through, from the outside in: its id, security
//! headers, tracing and metrics, a net under panics, the error shape, bounds of
//! size and time, who asks, and rate limits.

pub(crate) mod body_limit;
pub(crate) mod cors;
pub(crate) mod error_shape;
pub(crate) mod identify;
pub(crate) mod panics;
pub(crate) mod plain_address;
pub(crate) mod rate_limit;
pub(crate) mod request_id;
pub(crate) mod security_headers;
pub(crate) mod telemetry;
pub(crate) mod time_limit;
