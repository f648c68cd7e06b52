//! A plain HTTP client: it sends requests unchanged and returns responses unchanged.

use std::sync::Once;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// Longer than any response takes. Event streams have another client.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Sends requests with fixed headers to one instance. It follows no redirect and retries
/// nothing.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    headers: Vec<(String, String)>,
}

impl Client {
    /// A client of the instance at this URL.
    ///
    /// # Panics
    /// If the client cannot be created.
    #[must_use]
    pub fn new(base: &str) -> Self {
        static PROVIDER: Once = Once::new();
        // The instance may have installed one already.
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let http = reqwest::Client::builder().redirect(Policy::none()).timeout(TIMEOUT).no_proxy().build();
        Self { http: http.expect("an HTTP client"), base: base.to_owned(), headers: Vec::new() }
    }

    /// The same client with one more header.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The same client with this access token.
    #[must_use]
    pub fn signed_in(&self, token: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// The URL of the instance.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request without a body.
    ///
    /// # Panics
    /// If the method is invalid.
    #[must_use]
    pub fn call(&self, method: &str, path: &str) -> Call {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.http.request(method, format!("{}{path}", self.base));
        Call(self.headers.iter().fold(request, |request, (name, value)| request.header(name, value)))
    }

    /// A GET.
    #[must_use]
    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    /// A POST without a body.
    #[must_use]
    pub fn post(&self, path: &str) -> Call {
        self.call("POST", path)
    }
}

/// A request about to be sent.
#[derive(Debug)]
pub struct Call(RequestBuilder);

impl Call {
    /// Adds a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sets a body with this content type.
    #[must_use]
    pub fn body(self, kind: &str, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.header(CONTENT_TYPE, kind).body(body))
    }

    /// Sends it and reads the complete response.
    ///
    /// # Panics
    /// If there is no response.
    pub async fn send(self) -> Reply {
        let response = self.0.send().await.unwrap_or_else(|error| panic!("no response: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let url = response.url().to_string();
        let bytes = response.bytes().await.unwrap_or_else(|error| panic!("incomplete response: {error:?}"));
        Reply { status, headers, bytes: bytes.to_vec(), url }
    }
}

/// A response.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub bytes: Vec<u8>,
    url: String,
}

impl Reply {
    /// Asserts this status.
    ///
    /// # Panics
    /// If the status differs.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.url, self.text());
        self
    }

    /// Asserts an error with this status and code in the common error body.
    ///
    /// # Panics
    /// If the response differs.
    #[must_use]
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        let reply = self.expect(status);
        let body = reply.json();
        assert_eq!(body["code"], code, "{}: {body}", reply.url);
        let mut names: Vec<_> = body.as_object().expect("an object").keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["code", "details", "error", "request_id"], "{}", reply.url);
        assert!(body["error"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{}: {body}", reply.url);
        assert!(body["details"].is_object(), "{}: {body}", reply.url);
        assert_eq!(body["request_id"], reply.header("x-request-id"), "{}", reply.url);
        assert_eq!(reply.header("content-type"), "application/json", "{}", reply.url);
        reply
    }

    /// The value of a header; empty if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{} is not JSON ({error}): {}", self.url, self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
