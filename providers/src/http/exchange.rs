//! Requests and responses of the guarded client.

use bytes::{Bytes, BytesMut};

use super::error::{HttpError, describe};

/// A request to a server outside.
#[derive(Debug, Clone)]
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

/// A response with its whole body.
#[derive(Debug, Clone)]
pub struct OutboundResponse {
    /// The status code, of any class.
    pub status: u16,
    /// Header names in lower case and values; those that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

/// A response whose body is read in chunks.
#[derive(Debug)]
pub struct OutboundStream {
    /// The status code, of any class.
    pub status: u16,
    /// Header names in lower case and values; those that are not text are left out.
    pub headers: Vec<(String, String)>,
    response: reqwest::Response,
}

impl OutboundStream {
    pub(super) fn new(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        Self { status, headers, response }
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
