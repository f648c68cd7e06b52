//! Sends one HTTP request without the library's retries, and classifies error responses
//! while their headers are available.

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use bytes::{Bytes, BytesMut};
use chrono::Utc;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tower::Service;

use super::super::LlmError;
use super::faults::{Refusal, classify, parse_retry_after};
use crate::http::describe;

const MAX_REFUSAL_BYTES: usize = 64 * 1024;
const MAX_WHOLE_BYTES: usize = 32 * 1024 * 1024;

/// The service that the library sends requests with.
pub(super) fn service(
    client: Client,
    api_key: SecretString,
) -> impl Service<HttpRequestFactory, Response = Response, Error = OpenAIError, Future: Send + 'static>
+ Clone
+ Send
+ Sync
+ 'static {
    tower::service_fn(move |factory: HttpRequestFactory| {
        let (client, api_key) = (client.clone(), api_key.clone());
        async move {
            let request = factory.build().await?;
            transmit(&client, request, &api_key).await.map_err(|fault| OpenAIError::Boxed(Box::new(fault)))
        }
    })
}

async fn transmit(
    client: &Client,
    request: reqwest::Request,
    api_key: &SecretString,
) -> Result<Response, LlmError> {
    let response = client.execute(request).await.map_err(|error| broken(&error))?;
    if !response.status().is_success() {
        let status = response.status().as_u16();
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|text| parse_retry_after(text, Utc::now()));
        let (body, _) = read(response, MAX_REFUSAL_BYTES).await.unwrap_or_default();
        let api_key = api_key.expose_secret();
        return Err(classify(&Refusal { status, retry_after, body: &body, api_key }));
    }
    if is_json(&response) { as_stream(response).await } else { Ok(response) }
}

fn is_json(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.trim_start().starts_with("application/json"))
}

/// Some servers ignore `stream` and respond with one JSON document, which becomes a stream
/// of one event.
async fn as_stream(response: Response) -> Result<Response, LlmError> {
    let (body, is_whole) = read(response, MAX_WHOLE_BYTES).await?;
    let document: Option<Value> = serde_json::from_slice(&body).ok().filter(|_| is_whole);
    let Some(document) = document else {
        return Err(LlmError::Transient { message: "the response is incomplete or not JSON".into() });
    };
    Ok(Response::from(::http::Response::new(format!("data: {document}\n\ndata: [DONE]\n\n"))))
}

/// The body up to `limit` bytes, and whether that is the whole body.
async fn read(mut response: Response, limit: usize) -> Result<(Bytes, bool), LlmError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if body.len() + chunk.len() > limit {
            return Ok((body.freeze(), false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body.freeze(), true))
}

fn broken(error: &reqwest::Error) -> LlmError {
    if error.is_timeout() {
        return LlmError::Timeout { message: "no connection in time".into() };
    }
    LlmError::Transient { message: describe(error) }
}
