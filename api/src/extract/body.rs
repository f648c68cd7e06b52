//! JSON bodies, rejected with the path of the invalid field.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::error::ApiError;

/// A JSON body. 415 where it is not declared as JSON, 413 where it is too large, 400 where
/// it is not JSON, 422 with the field's path where it does not match the type. Unknown
/// fields are ignored.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A [`JsonBody`] that may be absent: the default value then.
#[derive(Debug)]
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        let bytes = read(request, state).await?;
        if !is_json {
            return Err(ApiError::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        parse(&bytes).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        let bytes = read(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(ApiError::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        parse(&bytes).map(Self)
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| ApiError::of_status(rejection.status()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else {
        return false;
    };
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Parses an object.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        // serde accepts a list of the fields in place of an object.
        serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| not_json(&error))?;
        return Err(ApiError::invalid([(".", "must be an object")]));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| refuse(&error))?;
    json.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn refuse(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    if !error.inner().is_data() {
        return not_json(error.inner());
    }
    let message = error.inner().to_string();
    let fault = message.split(" at line ").next().unwrap_or(&message);
    match fault.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        Some(field) => {
            let path = error.path().to_string();
            let field = if path == "." { field.to_owned() } else { format!("{path}.{field}") };
            ApiError::invalid([(field, "is required")])
        }
        None => ApiError::invalid([(error.path().to_string(), fault.to_owned())]),
    }
}

fn not_json(error: &serde_json::Error) -> ApiError {
    let message = format!("The body is not valid JSON: line {}, column {}.", error.line(), error.column());
    ApiError::new(StatusCode::BAD_REQUEST, "INVALID_JSON", message)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    struct Input {
        title: String,
        #[serde(default)]
        tags: Vec<String>,
    }

    async fn read_as<T: FromRequest<(), Rejection = ApiError>>(
        kind: &str,
        body: &str,
    ) -> Result<T, ApiError> {
        let request = Request::builder().header(header::CONTENT_TYPE, kind).body(Body::from(body.to_owned()));
        T::from_request(request.expect("a request"), &()).await
    }

    #[tokio::test]
    async fn refuses_with_the_status_that_fits() {
        for (kind, body, status) in [
            ("text/plain", "{\"title\": \"x\"}", 415),
            ("application/json", "{\"title\": ", 400),
            ("application/json", "{\"title\": \"x\"} trailing", 400),
            ("application/json", "", 400),
            ("application/json", "{}", 422),
            ("application/json", "{\"title\": 7}", 422),
            ("application/json", "[1]", 422),
            ("application/json", " [\"a title\", []]", 422),
            ("application/json", "[\"a title\"", 400),
        ] {
            let error = read_as::<JsonBody<Input>>(kind, body).await.expect_err(body);
            assert_eq!(error.status().as_u16(), status, "{kind} {body}");
        }
    }

    #[tokio::test]
    async fn ignores_fields_that_nobody_knows() {
        let body = "{\"title\": \"x\", \"colour\": \"red\"}";

        let JsonBody(input) =
            read_as::<JsonBody<Input>>("application/json; charset=utf-8", body).await.expect("it fits");

        assert_eq!((input.title.as_str(), input.tags.len()), ("x", 0));
    }

    #[tokio::test]
    async fn names_the_field_that_is_wrong() {
        for (body, field) in
            [("{}", "title"), ("{\"title\": 7}", "title"), ("{\"title\":\"x\",\"tags\":[1]}", "tags[0]")]
        {
            let error = parse::<Input>(body.as_bytes()).expect_err(body);
            assert!(format!("{error:?}").contains(&format!("\"{field}\"")), "{error:?}");
        }
    }

    #[tokio::test]
    async fn an_optional_body_may_be_left_out() {
        let OptionalJsonBody(input) = read_as::<OptionalJsonBody<Input>>("", "").await.expect("the default");

        assert_eq!(input.title, "");
    }
}
