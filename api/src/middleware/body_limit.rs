//! A bound on request bodies. What is beyond it is refused at once, and the connection
//! ends: [`atelier_ops::connections`] gives a client that is still sending some time to
//! read the answer.

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
    let most = state.options.max_body_bytes;
    let declared = declared_length(request.headers(), request.body());
    let (parts, body) = request.into_parts();
    if declared.is_some_and(|length| length > most) {
        return refuse();
    }
    if declared.is_some() {
        return next(Request::from_parts(parts, body)).await;
    }
    let exceeded = Arc::new(AtomicBool::new(false));
    let body = Body::from_stream(bounded(body.into_data_stream(), most, exceeded.clone()));
    let answer = next(Request::from_parts(parts, body)).await;
    if exceeded.load(Ordering::Relaxed) { refuse() } else { answer }
}

fn refuse() -> Response {
    let mut response = ApiError::of_status(StatusCode::PAYLOAD_TOO_LARGE).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// What the client says the body's length is, or 0 where there is none; nothing for a
/// body in pieces, which HTTP/2 does not announce by any header.
fn declared_length(headers: &HeaderMap, body: &Body) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.or(body.is_end_stream().then_some(0))
}

/// The body up to `most` bytes. One that is longer ends in an error; `exceeded` tells it
/// from a broken connection.
fn bounded(
    body: BodyDataStream,
    most: usize,
    exceeded: Arc<AtomicBool>,
) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    stream::unfold(Some((body, most)), move |left| {
        let exceeded = exceeded.clone();
        async move {
            let (mut body, left) = left?;
            match body.next().await? {
                Ok(piece) if piece.len() > left => {
                    exceeded.store(true, Ordering::Relaxed);
                    Some((Err(axum::Error::new("the body is too large")), None))
                }
                Ok(piece) => {
                    let left = left - piece.len();
                    Some((Ok(piece), Some((body, left))))
                }
                Err(error) => Some((Err(error), None)),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(count: usize) -> Body {
        Body::from_stream(stream::iter(
            (0..count).map(|_| Ok::<_, axum::Error>(Bytes::from_static(b"ten bytes."))),
        ))
    }

    #[tokio::test]
    async fn passes_what_fits_and_ends_what_does_not() {
        for (count, fits) in [(0, true), (2, true), (3, false), (900, false)] {
            let exceeded = Arc::new(AtomicBool::new(false));
            let body = bounded(pieces(count).into_data_stream(), 20, exceeded.clone());
            let read: Vec<_> = body.collect().await;

            assert_eq!(read.iter().all(Result::is_ok), fits, "{count} pieces");
            assert_eq!(exceeded.load(Ordering::Relaxed), !fits, "{count} pieces");
        }
    }

    #[test]
    fn a_body_without_a_length_comes_in_pieces() {
        let mut headers = HeaderMap::new();
        assert_eq!(declared_length(&headers, &Body::empty()), Some(0));
        assert_eq!(declared_length(&headers, &pieces(3)), None);
        headers.insert(header::TRANSFER_ENCODING, "chunked".parse().expect("a value"));
        assert_eq!(declared_length(&headers, &pieces(3)), None);
        headers.remove(header::TRANSFER_ENCODING);
        headers.insert(header::CONTENT_LENGTH, "70".parse().expect("a value"));
        assert_eq!(declared_length(&headers, &pieces(7)), Some(70));
    }
}
