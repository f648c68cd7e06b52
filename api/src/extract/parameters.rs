//! Path and query parameters, rejected with the name of the invalid one.

use axum::{
    extract::{
        FromRequestParts, Path, Query, RawPathParams,
        path::ErrorKind,
        rejection::{PathRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// Parameters of the path; 400 with the name of the invalid one.
#[derive(Debug)]
pub(crate) struct ApiPath<T>(pub(crate) T);

/// Parameters of the query; 422 with the fault. Unknown ones are ignored.
#[derive(Debug)]
pub(crate) struct ApiQuery<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => {
                let names = RawPathParams::from_request_parts(parts, state).await;
                let names: Vec<&str> = names.iter().flatten().map(|(name, _)| name).collect();
                Err(refuse_path(rejection, &names))
            }
        }
    }
}

/// `names` are those of the parameters, in the order of the path.
fn refuse_path(rejection: PathRejection, names: &[&str]) -> ApiError {
    let PathRejection::FailedToDeserializePathParams(failure) = rejection else {
        return ApiError::internal(rejection);
    };
    let message = "A part of the address is not what it should be: see the details.";
    let error = ApiError::new(StatusCode::BAD_REQUEST, "INVALID_PATH", message);
    match failure.into_kind() {
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => {
            error.with_detail(&key, format!("must be of type {expected_type}"))
        }
        ErrorKind::ParseErrorAtIndex { index, expected_type, .. } => {
            let name = names.get(index).copied().unwrap_or("path");
            error.with_detail(name, format!("must be of type {expected_type}"))
        }
        ErrorKind::DeserializeError { key, .. } => {
            let expected = if key == "id" { "must be a UUID" } else { "is not valid" };
            error.with_detail(&key, expected)
        }
        ErrorKind::InvalidUtf8InPathParam { key } => error.with_detail(&key, "must be UTF-8"),
        _ => error,
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(refuse_query(&rejection)),
        }
    }
}

/// axum writes "Failed to deserialize query string: page: invalid digit …".
fn refuse_query(rejection: &QueryRejection) -> ApiError {
    let text = rejection.body_text();
    let fault = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
    match fault.split_once(": ") {
        Some((name, fault)) => ApiError::invalid([(name.to_owned(), fault.to_owned())]),
        None => ApiError::invalid([("query".to_owned(), fault.to_owned())]),
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::Request, response::IntoResponse, routing::get};
    use serde::Deserialize;
    use serde_json::Value;
    use tower::ServiceExt;
    use uuid::Uuid;

    use super::*;

    #[derive(Deserialize)]
    struct Filter {
        size: Option<u32>,
    }

    async fn show(ApiPath(id): ApiPath<Uuid>, ApiQuery(filter): ApiQuery<Filter>) -> impl IntoResponse {
        format!("{id} {:?}", filter.size)
    }

    async fn show_part(ApiPath((id, part)): ApiPath<(Uuid, i32)>) -> impl IntoResponse {
        format!("{id} {part}")
    }

    async fn ask(path: &str) -> (u16, Value) {
        let app =
            Router::new().route("/things/{id}", get(show)).route("/things/{id}/parts/{part}", get(show_part));
        let response = app.oneshot(Request::get(path).body(Body::empty()).expect("a request")).await;
        let (parts, body) = response.expect("an answer").into_parts();
        let bytes = axum::body::to_bytes(body, 10_000).await.expect("a body");
        (parts.status.as_u16(), serde_json::from_slice(&bytes).unwrap_or_default())
    }

    #[tokio::test]
    async fn names_the_parameter_that_is_wrong() {
        let (status, body) = ask("/things/seven").await;
        assert_eq!((status, &body["code"]), (400, &"INVALID_PATH".into()));
        assert_eq!(body["details"]["id"], "must be a UUID");

        let (status, body) = ask("/things/seven/parts/1").await;
        assert_eq!((status, &body["details"]["id"]), (400, &"must be a UUID".into()));

        let (status, body) = ask("/things/0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a/parts/one").await;
        assert_eq!((status, &body["details"]["part"]), (400, &"must be of type i32".into()));

        let (status, body) = ask("/things/0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a?size=big").await;
        assert_eq!((status, &body["code"]), (422, &"VALIDATION_FAILED".into()));
        assert!(body["details"]["size"].is_string(), "{body}");
    }

    #[tokio::test]
    async fn lets_good_ones_through() {
        assert_eq!(ask("/things/0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a?size=3&other=1").await.0, 200);
    }
}
