//! The id of a request: the client's where it is short and plain, else a new one. It is in
//! every log line, every error and the answer's `X-Request-Id`.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::Response,
};
use uuid::{Builder, Uuid};

/// The header of requests and answers.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST: usize = 128;

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that this task answers; none outside of a request.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Runs `work` as part of the request `id`, for work that leaves the request's task.
pub(crate) async fn with_id<F: Future>(id: Option<String>, work: F) -> F::Output {
    match id {
        Some(id) => CURRENT.scope(id, work).await,
        None => work.await,
    }
}

/// The id of a request with these headers.
pub(crate) fn from_headers(headers: &HeaderMap) -> String {
    accept(headers.get(HEADER)).unwrap_or_else(|| create().to_string())
}

/// A UUIDv7 from this thread's random generator, which needs no system call.
fn create() -> Uuid {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid()
}

/// Gives the request its id and adds it to the answer.
pub(crate) async fn assign<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let id = from_headers(request.headers());
    let header = HeaderValue::from_str(&id).ok();
    let mut response = CURRENT.scope(id, async move { next(request).await }).await;
    if let Some(header) = header {
        response.headers_mut().insert(HEADER, header);
    }
    response
}

/// The client's id, where it is short and plain enough for logs and headers.
fn accept(header: Option<&HeaderValue>) -> Option<String> {
    let id = header?.to_str().ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '+' | '=');
    let is_accepted = !id.is_empty() && id.len() <= LONGEST && id.chars().all(plain);
    is_accepted.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_short_plain_ids() {
        let long = "x".repeat(LONGEST + 1);
        for (given, accepted) in [
            ("0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a", true),
            ("Root=1-67891233-abcdef", true),
            ("", false),
            ("two words", false),
            ("{\"log\":\"forged\"}", false),
            (long.as_str(), false),
        ] {
            let header = HeaderValue::from_str(given).expect("a header");
            assert_eq!(accept(Some(&header)).is_some(), accepted, "{given}");
        }
    }
}
