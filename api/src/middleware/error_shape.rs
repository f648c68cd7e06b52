//! Gives the error shape to errors that did not come from a handler: unknown
//! paths, wrong methods, and what axum and tower-http refuse on their own.

use axum::{
    extract::Request,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

use crate::error::{ApiError, Verbatim};

/// Replaces the body of a bare error answer; its headers, such as `Allow`, stay.
pub(crate) async fn apply<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let response = next(request).await;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_verbatim = response.extensions().get::<Verbatim>().is_some();
    if !is_error || is_verbatim || !is_bare(response.headers()) {
        return response;
    }
    let (parts, _) = response.into_parts();
    let mut shaped = ApiError::of_status(status).into_response();
    for (name, value) in &parts.headers {
        let about_the_body = [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CACHE_CONTROL];
        if !about_the_body.contains(name) {
            shaped.headers_mut().append(name, value.clone());
        }
    }
    shaped
}

/// Whether the answer has no body or a line of plain text.
fn is_bare(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("text/plain")))
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::Body,
        http::StatusCode,
        middleware::{Next, from_fn},
        routing::get,
    };
    use tower::ServiceExt;

    use super::*;

    async fn shape(request: Request, next: Next) -> Response {
        apply(request, |request| next.run(request)).await
    }

    async fn ask(method: &str, path: &str) -> (StatusCode, HeaderMap, serde_json::Value) {
        let app = Router::new().route("/here", get(async || "here")).layer(from_fn(shape));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
        let (parts, body) = app.oneshot(request).await.expect("an answer").into_parts();
        let bytes = axum::body::to_bytes(body, 10_000).await.expect("a body");
        (parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    #[tokio::test]
    async fn an_unknown_path_has_the_shape() {
        let (status, _, body) = ask("GET", "/nowhere").await;

        assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &"NOT_FOUND".into()));
    }

    #[tokio::test]
    async fn a_wrong_method_has_the_shape_and_says_what_is_allowed() {
        let (status, headers, body) = ask("DELETE", "/here").await;

        assert_eq!((status, &body["code"]), (StatusCode::METHOD_NOT_ALLOWED, &"METHOD_NOT_ALLOWED".into()));
        assert_eq!(headers[header::ALLOW], "GET,HEAD");
    }
}
