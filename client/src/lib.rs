//! A client of Atelier's own HTTP API, for command lines, tests and measurements:
//! JSON, downloads and event streams. The API's errors are values.

mod error;
mod events;

use std::time::Duration;

use atelier_providers::http::{GuardedClient, HttpOptions, OutboundRequest, OutboundResponse};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

pub use error::ApiClientError;
pub use events::{EventStream, ServerEvent};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest error body that is read where an event stream is refused.
const MAX_ERROR_BYTES: usize = 1024 * 1024;

/// A JSON response.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiResponse {
    /// HTTP status, below 400.
    pub status: u16,
    /// The path of the resource, such as `/api/jobs/{id}`.
    pub location: Option<String>,
    /// The body; `Null` where it is empty.
    pub body: Value,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The name that the API suggests, without a folder.
    pub file_name: Option<String>,
    /// The content.
    pub bytes: Bytes,
}

/// Sends requests to one instance, signed in or not. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiClient {
    http: GuardedClient,
    base: String,
    token: Option<SecretString>,
}

impl ApiClient {
    /// A client of the instance at this URL, not signed in.
    pub fn new(base_url: &str) -> Result<Self, ApiClientError> {
        let refused = || ApiClientError::Address(base_url.to_owned());
        let url = Url::parse(base_url).map_err(|_| refused())?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(refused());
        }
        let http = GuardedClient::new(HttpOptions {
            connect_timeout: CONNECT_TIMEOUT,
            total_timeout: REQUEST_TIMEOUT,
            max_response_bytes: usize::MAX,
            allow_private_addresses: true,
            allowed_networks: Vec::new(),
            allowed_origins: Vec::new(),
        })?;
        Ok(Self { http, base: base_url.trim_end_matches('/').to_owned(), token: None })
    }

    /// The same client with this access token.
    #[must_use]
    pub fn signed_in(self, access_token: SecretString) -> Self {
        Self { token: Some(access_token), ..self }
    }

    /// The absolute URL of a path of the API; an absolute URL stays as it is.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() }
    }

    /// GETs JSON.
    pub async fn get(&self, path: &str) -> Result<ApiResponse, ApiClientError> {
        read_json(self.send(OutboundRequest::get(self.url(path))).await?)
    }

    /// POSTs JSON. With an idempotency key, the request can be repeated safely.
    pub async fn post(
        &self,
        path: &str,
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> Result<ApiResponse, ApiClientError> {
        let mut request = OutboundRequest::post_json(self.url(path), body);
        request.headers.extend(idempotency_key.map(|key| ("idempotency-key".to_owned(), key.to_owned())));
        read_json(self.send(request).await?)
    }

    /// PUTs JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Result<ApiResponse, ApiClientError> {
        let request =
            OutboundRequest { method: "PUT".to_owned(), ..OutboundRequest::post_json(self.url(path), body) };
        read_json(self.send(request).await?)
    }

    /// GETs a file.
    pub async fn download(&self, path: &str) -> Result<Download, ApiClientError> {
        Ok(read_file(self.send(OutboundRequest::get(self.url(path))).await?))
    }

    /// POSTs JSON to an operation that returns a file.
    pub async fn download_by_post(&self, path: &str, body: &Value) -> Result<Download, ApiClientError> {
        Ok(read_file(self.send(OutboundRequest::post_json(self.url(path), body)).await?))
    }

    /// Opens an event stream, after the event of that id if there is one.
    pub async fn events(
        &self,
        path: &str,
        last_event_id: Option<&str>,
    ) -> Result<EventStream, ApiClientError> {
        let mut request = self.authorized(OutboundRequest::get(self.url(path)));
        request.headers.push(("accept".to_owned(), "text/event-stream".to_owned()));
        request.headers.extend(last_event_id.map(|id| ("last-event-id".to_owned(), id.to_owned())));
        let opened = async {
            let response = self.http.open(request).await?;
            if response.status < 400 {
                return Ok(EventStream::new(response));
            }
            Err(refusal(&response.read(MAX_ERROR_BYTES).await?))
        };
        timeout(events::SILENCE, opened).await.unwrap_or(Err(ApiClientError::Timeout))
    }

    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, ApiClientError> {
        let response = self.http.send_once(self.authorized(request)).await?;
        if response.status < 400 { Ok(response) } else { Err(refusal(&response)) }
    }

    fn authorized(&self, mut request: OutboundRequest) -> OutboundRequest {
        if let Some(token) = &self.token {
            let value = format!("Bearer {}", token.expose_secret());
            request.headers.push(("authorization".to_owned(), value));
        }
        request
    }
}

fn refusal(response: &OutboundResponse) -> ApiClientError {
    let body = serde_json::from_slice(&response.body).unwrap_or_default();
    ApiClientError::of_response(response.status, &body)
}

fn read_json(response: OutboundResponse) -> Result<ApiResponse, ApiClientError> {
    let body = match response.body.as_ref() {
        b"" => Value::Null,
        text => serde_json::from_slice(text).map_err(|error| ApiClientError::Malformed(error.to_string()))?,
    };
    let location = header(&response, "location").map(str::to_owned);
    Ok(ApiResponse { status: response.status, location, body })
}

fn read_file(response: OutboundResponse) -> Download {
    let file_name = header(&response, "content-disposition").and_then(file_name);
    Download { file_name, bytes: response.body }
}

fn header<'a>(response: &'a OutboundResponse, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn file_name(disposition: &str) -> Option<String> {
    let quoted = disposition.split(';').map(str::trim).find_map(|part| part.strip_prefix("filename="))?;
    let name = quoted.trim_matches('"').rsplit(['/', '\\']).next()?;
    let harmless = !name.is_empty() && !name.starts_with('.') && !name.chars().any(char::is_control);
    harmless.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_only_the_name_of_a_suggested_path() {
        for (disposition, expected) in [
            ("attachment; filename=\"reading-list-v1.zip\"", Some("reading-list-v1.zip")),
            ("attachment; filename=plain.zip", Some("plain.zip")),
            ("attachment; filename=\"../../etc/passwd\"", Some("passwd")),
            ("attachment; filename=\"..\"", None),
            ("attachment", None),
        ] {
            assert_eq!(file_name(disposition).as_deref(), expected, "{disposition}");
        }
    }

    #[test]
    fn accepts_only_web_addresses() {
        for (address, accepted) in [
            ("http://127.0.0.1:8001/", true),
            ("https://a.example", true),
            ("ftp://a", false),
            ("a:8001", false),
        ] {
            assert_eq!(ApiClient::new(address).is_ok(), accepted, "{address}");
        }
        let client = ApiClient::new("http://127.0.0.1:8001/").expect("an address");
        assert_eq!(client.url("/api/jobs"), "http://127.0.0.1:8001/api/jobs");
        assert_eq!(client.url("http://else/x"), "http://else/x");
    }
}
