//! The API's metrics, named once. `docs/operations.md` tabulates them.

use atelier_queue::metrics::Described;
use metrics::{describe_counter, describe_gauge, describe_histogram};

/// From the request's arrival to the answer's head.
pub const REQUEST_DURATION: &str = "atelier_http_request_duration_seconds";
/// Requests being answered.
pub const IN_FLIGHT: &str = "atelier_http_requests_in_flight";
/// Event streams being written.
pub const STREAMS: &str = "atelier_http_event_streams";
/// Requests refused by a rate limit.
pub const RATE_LIMITED: &str = "atelier_http_rate_limited_total";
/// Answers given again to a repeated `Idempotency-Key`.
pub const REPLAYED: &str = "atelier_http_idempotent_replays_total";

/// Every metric of this crate: name, type, labels and meaning.
pub const ALL: [Described; 5] = [
    (
        REQUEST_DURATION,
        "histogram",
        "method, path, status",
        "Seconds from a request's arrival to the head of its answer, by the route's pattern",
    ),
    (IN_FLIGHT, "gauge", "", "Requests being answered, event streams excepted"),
    (STREAMS, "gauge", "", "Event streams being written"),
    (RATE_LIMITED, "counter", "limit", "Requests refused with 429"),
    (REPLAYED, "counter", "", "Answers given again to a repeated Idempotency-Key"),
];

/// Tells the recorder what each metric means.
pub fn describe() {
    for (name, kind, _, meaning) in ALL {
        match kind {
            "histogram" => describe_histogram!(name, meaning),
            "gauge" => describe_gauge!(name, meaning),
            _ => describe_counter!(name, meaning),
        }
    }
}
