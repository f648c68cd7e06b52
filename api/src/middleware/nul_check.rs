//! Refuses addresses that hold a NUL. Nothing has one in its name, and PostgreSQL
//! takes none in a text.

use axum::{
    extract::Request,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};

use crate::error::ApiError;

/// Answers 400 where the path or the query holds an encoded NUL.
pub(crate) async fn apply<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    if is_plain(request.uri()) {
        return next(request).await;
    }
    ApiError::of_status(StatusCode::BAD_REQUEST).into_response()
}

fn is_plain(uri: &Uri) -> bool {
    !uri.path_and_query().is_some_and(|address| address.as_str().contains("%00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_nul_wherever_it_stands() {
        for (address, plain) in [
            ("/api/jobs?kind=email.deliver", true),
            ("/api/jobs?kind=100%2500", true),
            ("/api/jobs?kind=%00", false),
            ("/preview/a%00b/", false),
        ] {
            assert_eq!(is_plain(&address.parse().expect("a URI")), plain, "{address}");
        }
    }
}
