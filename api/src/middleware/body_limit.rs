//! A limit on the size of request bodies. A larger body is refused at once and the
//! connection is closed; [`atelier_ops::connections`] gives a client that is still sending
//! some time to read the answer.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    body::{Body, BodyDataStream, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, stream};

use crate::{error::ApiError, state::ApiState};

/// Answers 413 where the body is larger than the settings allow.
pub(crate) async fn apply<F: Future<Output = Response>>(
    state: &ApiState,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let limit = state.options.max_body_bytes;
    let declared = declared_length(request.headers(), request.body());
    let (parts, body) = request.into_parts();
    if declared.is_some_and(|length| length > limit) {
        return refuse();
    }
    if declared.is_some() {
        return next(Request::from_parts(parts, body)).await;
    }
    let exceeded = Arc::new(AtomicBool::new(false));
    let body = Body::from_stream(bounded(body.into_data_stream(), limit, exceeded.clone()));
    let answer = next(Request::from_parts(parts, body)).await;
    if exceeded.load(Ordering::Relaxed) { refuse() } else { answer }
}

fn refuse() -> Response {
    let mut response = ApiError::of_status(StatusCode::PAYLOAD_TOO_LARGE).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The length that the client declares, 0 where there is no body, or `None` for a chunked
/// body, which HTTP/2 announces by no header.
fn declared_length(headers: &HeaderMap, body: &Body) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.or(body.is_end_stream().then_some(0))
}

/// The body up to `limit` bytes. A longer one ends in an error; `exceeded` distinguishes
/// it from a broken connection.
fn bounded(
    body: BodyDataStream,
    limit: usize,
    exceeded: Arc<AtomicBool>,
) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    stream::unfold(Some((body, limit)), move |rest| {
        let exceeded = exceeded.clone();
        async move {
            let (mut body, left) = rest?;
            match body.next().await? {
                Ok(chunk) if chunk.len() > left => {
                    exceeded.store(true, Ordering::Relaxed);
                    Some((Err(axum::Error::new("the body is too large")), None))
                }
                Ok(chunk) => {
                    let left = left - chunk.len();
                    Some((Ok(chunk), Some((body, left))))
                }
                Err(error) => Some((Err(error), None)),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked(count: usize) -> Body {
        Body::from_stream(stream::iter(
            (0..count).map(|_| Ok::<_, axum::Error>(Bytes::from_static(b"ten bytes."))),
        ))
    }

    #[tokio::test]
    async fn bodies_end_where_they_exceed_the_limit() {
        for (count, fits) in [(0, true), (2, true), (3, false), (900, false)] {
            let exceeded = Arc::new(AtomicBool::new(false));
            let body = bounded(chunked(count).into_data_stream(), 20, exceeded.clone());
            let read: Vec<_> = body.collect().await;

            assert_eq!(read.iter().all(Result::is_ok), fits, "{count} chunks");
            assert_eq!(exceeded.load(Ordering::Relaxed), !fits, "{count} chunks");
        }
    }

    #[test]
    fn only_a_chunked_body_has_no_length() {
        let mut headers = HeaderMap::new();
        assert_eq!(declared_length(&headers, &Body::empty()), Some(0));
        assert_eq!(declared_length(&headers, &chunked(3)), None);
        headers.insert(header::TRANSFER_ENCODING, "chunked".parse().expect("a value"));
        assert_eq!(declared_length(&headers, &chunked(3)), None);
        headers.remove(header::TRANSFER_ENCODING);
        headers.insert(header::CONTENT_LENGTH, "70".parse().expect("a value"));
        assert_eq!(declared_length(&headers, &chunked(7)), Some(70));
    }
}
