//! A small client of Atelier's own HTTP API, for the operator's command line:
//! JSON, downloads and event streams, with the API's errors as values.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method, RequestBuilder, Response,
    header::{ACCEPT, CONTENT_DISPOSITION, LOCATION},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::http::{describe, trusted_client};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// The API writes a comment every 15 seconds: a longer silence is a dead stream.
const SILENCE: Duration = Duration::from_secs(45);
/// Largest event; a stream that sends more is not ours.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// Why the API did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiClientError {
    /// The address is no http or https URL.
    #[error("{0} is not an http or https URL")]
    Address(String),
    /// The connection failed or broke.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// No answer came in time.
    #[error("no answer in time")]
    Timeout,
    /// The API refused, by its own words.
    #[error("the API answered {status} {code}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The error's stable code, empty where the answer has none.
        code: String,
        /// A sentence.
        message: String,
    },
    /// The answer is not what the API's document promises.
    #[error("the answer cannot be read: {0}")]
    Malformed(String),
}

impl ApiClientError {
    /// Whether the same request may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Connection(_) | Self::Timeout => true,
            Self::Refused { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
            Self::Address(_) | Self::Malformed(_) => false,
        }
    }
}

/// A JSON answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiAnswer {
    /// HTTP status, below 400.
    pub status: u16,
    /// Where the thing asked for is, such as `/api/jobs/{id}`.
    pub location: Option<String>,
    /// The body; `Null` where it is empty.
    pub body: Value,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The name that the API suggests, without any folder.
    pub file_name: Option<String>,
    /// The content.
    pub bytes: Bytes,
}

/// Speaks to one instance, signed in or not. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiClient {
    client: reqwest::Client,
    base: String,
    token: Option<SecretString>,
}

impl ApiClient {
    /// A client of the instance at this URL, signed in as nobody.
    pub fn new(base_url: &str) -> Result<Self, ApiClientError> {
        let refused = || ApiClientError::Address(base_url.to_owned());
        let url = Url::parse(base_url).map_err(|_| refused())?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(refused());
        }
        let client =
            trusted_client(CONNECT_TIMEOUT).map_err(|error| ApiClientError::Connection(error.to_string()))?;
        Ok(Self { client, base: base_url.trim_end_matches('/').to_owned(), token: None })
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
    pub async fn get(&self, path: &str) -> Result<ApiAnswer, ApiClientError> {
        read_json(send(self.request(Method::GET, path).timeout(REQUEST_TIMEOUT)).await?).await
    }

    /// POSTs JSON; with an idempotency key, doing it again is harmless.
    pub async fn post(
        &self,
        path: &str,
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> Result<ApiAnswer, ApiClientError> {
        let mut request = self.request(Method::POST, path).timeout(REQUEST_TIMEOUT).json(body);
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        read_json(send(request).await?).await
    }

    /// GETs a file.
    pub async fn download(&self, path: &str) -> Result<Download, ApiClientError> {
        read_file(send(self.request(Method::GET, path).timeout(REQUEST_TIMEOUT)).await?).await
    }

    /// POSTs JSON to where a file is the answer.
    pub async fn download_by_post(&self, path: &str, body: &Value) -> Result<Download, ApiClientError> {
        read_file(send(self.request(Method::POST, path).timeout(REQUEST_TIMEOUT).json(body)).await?).await
    }

    /// Opens an event stream, after the event of that id if there is one.
    pub async fn events(
        &self,
        path: &str,
        last_event_id: Option<&str>,
    ) -> Result<EventStream, ApiClientError> {
        let mut request = self.request(Method::GET, path).header(ACCEPT, "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        let response =
            tokio::time::timeout(SILENCE, send(request)).await.unwrap_or(Err(ApiClientError::Timeout))?;
        Ok(EventStream { response, parser: EventParser::default(), ready: VecDeque::new() })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.url(path));
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// Where to resume after it, if the stream has told so far.
    pub id: Option<String>,
    /// Its type; `message` where the stream names none.
    pub event: String,
    /// Its data, lines joined.
    pub data: String,
}

/// The events of one connection.
#[derive(Debug)]
pub struct EventStream {
    response: Response,
    parser: EventParser,
    ready: VecDeque<ServerEvent>,
}

impl EventStream {
    /// The next event; `None` where the server closed the stream. An error is the
    /// end of the stream too.
    pub async fn next(&mut self) -> Result<Option<ServerEvent>, ApiClientError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let chunk = tokio::time::timeout(SILENCE, self.response.chunk())
                .await
                .map_err(|_| ApiClientError::Timeout)?
                .map_err(|error| classify(&error))?;
            let Some(chunk) = chunk else { return Ok(None) };
            self.ready.extend(self.parser.push(&chunk)?);
        }
    }
}

/// Turns bytes into events, however they are cut.
#[derive(Debug, Default)]
struct EventParser {
    line: Vec<u8>,
    last_was_cr: bool,
    id: Option<String>,
    event: String,
    data: String,
    has_data: bool,
}

impl EventParser {
    fn push(&mut self, bytes: &[u8]) -> Result<Vec<ServerEvent>, ApiClientError> {
        let mut events = Vec::new();
        for &byte in bytes {
            let follows_cr = std::mem::replace(&mut self.last_was_cr, byte == b'\r');
            match byte {
                b'\n' if follows_cr => {}
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.end_line(&String::from_utf8_lossy(&line)));
                }
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > MAX_EVENT_BYTES {
                return Err(ApiClientError::Malformed(format!("an event over {MAX_EVENT_BYTES} bytes")));
            }
        }
        Ok(events)
    }

    fn end_line(&mut self, line: &str) -> Option<ServerEvent> {
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            "event" => value.clone_into(&mut self.event),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            _ => {}
        }
        None
    }

    fn end_event(&mut self) -> Option<ServerEvent> {
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        if !std::mem::take(&mut self.has_data) {
            return None;
        }
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(ServerEvent { id: self.id.clone(), event, data })
    }
}

async fn send(request: RequestBuilder) -> Result<Response, ApiClientError> {
    let response = request.send().await.map_err(|error| classify(&error))?;
    let status = response.status().as_u16();
    if status < 400 {
        return Ok(response);
    }
    let body: Value = response.json().await.unwrap_or_default();
    Err(refusal(status, &body))
}

fn refusal(status: u16, body: &Value) -> ApiClientError {
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut message = text("error").unwrap_or_else(|| "no explanation".to_owned());
    for (field, fault) in body.get("details").and_then(Value::as_object).into_iter().flatten() {
        if let Some(fault) = fault.as_str() {
            message = format!("{message}; {field}: {fault}");
        }
    }
    ApiClientError::Refused { status, code: text("code").unwrap_or_default(), message }
}

async fn read_json(response: Response) -> Result<ApiAnswer, ApiClientError> {
    let status = response.status().as_u16();
    let location = header(&response, LOCATION.as_str());
    let bytes = response.bytes().await.map_err(|error| classify(&error))?;
    let body = match bytes.as_ref() {
        b"" => Value::Null,
        text => serde_json::from_slice(text).map_err(|error| ApiClientError::Malformed(error.to_string()))?,
    };
    Ok(ApiAnswer { status, location, body })
}

async fn read_file(response: Response) -> Result<Download, ApiClientError> {
    let file_name = header(&response, CONTENT_DISPOSITION.as_str()).and_then(|value| file_name(&value));
    let bytes = response.bytes().await.map_err(|error| classify(&error))?;
    Ok(Download { file_name, bytes })
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

fn file_name(disposition: &str) -> Option<String> {
    let quoted = disposition.split(';').map(str::trim).find_map(|part| part.strip_prefix("filename="))?;
    let name = quoted.trim_matches('"').rsplit(['/', '\\']).next()?;
    let harmless = !name.is_empty() && !name.starts_with('.') && !name.chars().any(char::is_control);
    harmless.then(|| name.to_owned())
}

fn classify(error: &reqwest::Error) -> ApiClientError {
    if error.is_timeout() { ApiClientError::Timeout } else { ApiClientError::Connection(describe(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\nretry: 2000\n\nid: 3-1\nevent: progress\ndata: {\"percent\":5}\n\n\
                          id: 4-1\r\ndata: one\r\ndata: two\r\n\r\nevent: lost\n\ndata: é\n\ndata: cut";

    fn event(id: &str, event: &str, data: &str) -> ServerEvent {
        ServerEvent { id: Some(id.to_owned()), event: event.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn reads_events_however_they_are_cut() {
        let expected = [
            event("3-1", "progress", "{\"percent\":5}"),
            event("4-1", "message", "one\ntwo"),
            event("4-1", "message", "é"),
        ];
        for size in 1..STREAM.len() {
            let mut parser = EventParser::default();
            let mut events = Vec::new();
            for chunk in STREAM.as_bytes().chunks(size) {
                events.extend(parser.push(chunk).expect("a small stream"));
            }
            assert_eq!(events, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn refuses_an_event_without_an_end() {
        let mut parser = EventParser::default();

        let refused = parser.push(&vec![b'x'; MAX_EVENT_BYTES + 1]);

        assert!(matches!(refused, Err(ApiClientError::Malformed(_))), "{refused:?}");
    }

    #[test]
    fn takes_only_the_name_of_a_suggested_path() {
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
    fn tells_the_field_that_was_refused() {
        let body =
            serde_json::json!({"error": "Invalid", "code": "INVALID_INPUT", "details": {"email": "taken"}});

        let error = refusal(422, &body);

        assert_eq!(error.to_string(), "the API answered 422 INVALID_INPUT: Invalid; email: taken");
        assert!(!error.is_passing() && refusal(503, &Value::Null).is_passing());
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
