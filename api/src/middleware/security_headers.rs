//! The security headers of every answer.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};

use crate::state::{ApiState, StrictTransport};

/// Added unless the handler has set its own.
const DEFAULTS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

/// For two years.
const OF_HOST: HeaderValue = HeaderValue::from_static("max-age=63072000");
const OF_SUBDOMAINS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// Adds the default headers to the answer.
pub(crate) async fn apply<F: Future<Output = Response>>(
    state: &ApiState,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let mut response = next(request).await;
    add(state, response.headers_mut());
    response
}

/// Adds the headers that are missing.
pub(crate) fn add(state: &ApiState, headers: &mut HeaderMap) {
    let strict_transport = match state.options.strict_transport {
        StrictTransport::Off => None,
        StrictTransport::Host => Some(OF_HOST),
        StrictTransport::Subdomains => Some(OF_SUBDOMAINS),
    };
    if let Some(value) = strict_transport {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(value);
    }
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
