//! Sends one HTTP request without the library's retries, classifies error responses while
//! their headers are available, and turns streams in any form into the form that the library
//! reads.

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use chrono::Utc;
use futures::{StreamExt, stream};
use reqwest::{Body, Client, Response};
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::Service;

use super::super::exchange::{accepted, broken, request_id};
use super::super::frames::{END_MARK, Frame, Frames};
use super::super::{Allowance, LlmError};

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
    Ok(normalized(accepted(response, api_key).await?))
}

/// The response as a stream of single JSON values. It begins with the id of the request and
/// with what is left of the limits, if the headers have one of them.
fn normalized(response: Response) -> Response {
    let id = request_id(response.headers());
    let allowance = Allowance::in_headers(response.headers(), Utc::now());
    let is_told = id.is_some() || allowance.is_some();
    let first = is_told.then(|| event(&json!({ "request_id": id, "allowance": allowance })));
    let rest = stream::unfold(Some(Frames::new(response)), |frames| async move {
        let mut frames = frames?;
        match frames.next().await {
            Ok(Some(frame)) => Some((to_event(frame), Some(frames))),
            Ok(None) => None,
            Err(LlmError::Transient { message }) => Some((fault_event(&message), None)),
            Err(fault) => Some((fault_event(&fault.to_string()), None)),
        }
    });
    let events = stream::iter(first).chain(rest).map(Ok::<_, std::io::Error>);
    Response::from(::http::Response::new(Body::wrap_stream(events)))
}

/// The event of a frame. A frame that is only a sign of life becomes `null`.
fn to_event(frame: Frame) -> String {
    let Frame::Event { name, data } = frame else { return event(&Value::Null) };
    let data = data.trim();
    if data == END_MARK {
        return format!("{}data: {END_MARK}\n\n", event(&json!({ "is_end": true })));
    }
    match serde_json::from_str::<Value>(data) {
        Ok(value) if name == "error" && value.get("error").is_none() => event(&json!({ "error": value })),
        Ok(value) => event(&value),
        Err(_) if data.starts_with(['{', '[']) => fault_event("a chunk of the completion is not JSON"),
        Err(_) => event(&Value::Null),
    }
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn fault_event(message: &str) -> String {
    event(&json!({ "error": { "message": message } }))
}
