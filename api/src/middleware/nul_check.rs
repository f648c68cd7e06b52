//! Refuses addresses that contain a NUL character. No name has one, and PostgreSQL stores
//! none in a text.

use axum::{
    extract::Request,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};

use crate::error::ApiError;

/// Answers 400 where the path or the query contains an encoded NUL.
pub(crate) async fn apply<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    if !has_nul(request.uri()) {
        return next(request).await;
    }
    ApiError::of_status(StatusCode::BAD_REQUEST).into_response()
}

fn has_nul(uri: &Uri) -> bool {
    uri.path_and_query().is_some_and(|address| address.as_str().contains("%00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_nul_wherever_it_stands() {
        for (address, expected) in [
            ("/api/jobs?kind=email.deliver", false),
            ("/api/jobs?kind=100%2500", false),
            ("/api/jobs?kind=%00", true),
            ("/preview/a%00b/", true),
        ] {
            assert_eq!(has_nul(&address.parse().expect("a URI")), expected, "{address}");
        }
    }
}
