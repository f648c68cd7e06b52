//! Requests and responses of the guarded client.

use std::fmt;

use bytes::{Bytes, BytesMut};
use url::Url;

use super::error::{HttpError, describe};

/// Most bytes of names and values of a response's headers.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// A request to a server outside. Its debug output has no path, query, header or body, which
/// may contain secrets.
#[derive(Clone)]
pub struct OutboundRequest {
    /// Method, such as `POST`.
    pub method: String,
    /// Absolute http or https URL.
    pub url: String,
    /// Header names and values. After a redirect to another origin they are not sent.
    pub headers: Vec<(String, String)>,
    /// Body, empty for none.
    pub body: Bytes,
}

impl OutboundRequest {
    /// A GET without headers.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET".into(), url: url.into(), headers: Vec::new(), body: Bytes::new() }
    }

    /// A POST of JSON.
    pub fn post_json(url: impl Into<String>, body: &serde_json::Value) -> Self {
        Self {
            method: "POST".into(),
            url: url.into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: Bytes::from(body.to_string()),
        }
    }
}

impl fmt::Debug for OutboundRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Url::parse(&self.url).ok();
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OutboundRequest")
            .field("method", &self.method)
            .field("host", &url.as_ref().and_then(Url::host_str))
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// A response with its whole body. Its debug output has neither values of headers nor the
/// body.
#[derive(Clone)]
pub struct OutboundResponse {
    /// The status code, of any class.
    pub status: u16,
    /// Header names in lower case and values; those that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl fmt::Debug for OutboundResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundResponse")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A response whose body is read in chunks.
pub struct OutboundStream {
    /// The status code, of any class.
    pub status: u16,
    /// Header names in lower case and values; those that are not text are left out.
    pub headers: Vec<(String, String)>,
    response: reqwest::Response,
}

impl fmt::Debug for OutboundStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundStream").field("status", &self.status).finish_non_exhaustive()
    }
}

impl OutboundStream {
    pub(super) fn new(response: reqwest::Response) -> Result<Self, HttpError> {
        let bytes: usize =
            response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if bytes > MAX_HEADER_BYTES {
            return Err(HttpError::TooLarge { limit: MAX_HEADER_BYTES });
        }
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        Ok(Self { status, headers, response })
    }

    /// The next chunk of the body; none at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        self.response.chunk().await.map_err(|error| HttpError::Connection(describe(&error)))
    }

    /// Reads the rest of the body, of at most `limit` bytes.
    pub async fn read(mut self, limit: usize) -> Result<OutboundResponse, HttpError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(HttpError::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(OutboundResponse { status: self.status, headers: self.headers, body: body.freeze() })
    }
}
