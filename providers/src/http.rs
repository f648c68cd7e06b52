//! Guarded HTTP to addresses that users may choose: no private networks, no
//! redirects into them, bounded in time and size.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use url::{Host, Origin, Url};

mod address;
mod resolver;

pub use address::is_public;

use resolver::{PublicResolver, RefusedAddress};

const MAX_REDIRECTS: usize = 5;

/// Installs the process's TLS provider (ring) for every client in it. Call it
/// once before the first client is made; further calls do nothing.
pub fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let another_thread_was_first = rustls::crypto::ring::default_provider().install_default().is_err();
        tracing::trace!(another_thread_was_first, "TLS provider installed");
    }
}

/// Bounds of a [`GuardedClient`].
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// For the connection, TLS included.
    pub connect_timeout: Duration,
    /// For a whole request with its redirects and the body.
    pub total_timeout: Duration,
    /// Most bytes of a response's body.
    pub max_response_bytes: usize,
    /// Lets every request reach private and loopback addresses.
    pub allow_private_addresses: bool,
    /// Origins such as `http://localhost:11434` that may be private.
    pub allowed_origins: Vec<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(30),
            max_response_bytes: 1024 * 1024,
            allow_private_addresses: false,
            allowed_origins: Vec::new(),
        }
    }
}

/// A request to somewhere outside.
#[derive(Debug, Clone)]
pub struct OutboundRequest {
    /// Method, such as `POST`.
    pub method: String,
    /// Absolute http or https URL.
    pub url: String,
    /// Header names and values. They are not sent on to another origin that
    /// the first one redirects to.
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

/// What came back.
#[derive(Debug, Clone)]
pub struct OutboundResponse {
    /// Status, whatever it is.
    pub status: u16,
    /// Header names in lower case and values; those that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

/// Why a request has no response. No message carries a path, a query or a
/// header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The method, URL or a header is malformed, or the scheme is not http(s).
    #[error("the request is malformed: {0}")]
    Malformed(String),
    /// The host is, or resolves to, an address that is not public.
    #[error("{host} is not a public address")]
    Refused {
        /// The host as it was asked for.
        host: String,
    },
    /// A bound of time was reached.
    #[error("no response in time")]
    Timeout,
    /// The body is larger than allowed.
    #[error("the response is larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// More redirects than any honest server needs.
    #[error("more than {MAX_REDIRECTS} redirects")]
    TooManyRedirects,
    /// The connection failed or broke.
    #[error("the connection failed: {0}")]
    Connection(String),
}

impl HttpError {
    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Timeout | Self::Connection(_))
    }
}

/// Sends requests to addresses that are public or explicitly allowed. Names
/// are checked where they are resolved, so a name cannot change its address
/// between check and connection.
#[derive(Debug, Clone)]
pub struct GuardedClient {
    public: reqwest::Client,
    trusted: reqwest::Client,
    options: HttpOptions,
    allowed: Vec<Origin>,
}

impl GuardedClient {
    /// A client with these bounds. Fails on a malformed allowed origin.
    pub fn new(options: HttpOptions) -> Result<Self, HttpError> {
        let allowed = options
            .allowed_origins
            .iter()
            .map(|origin| parse_url(origin).map(|url| url.origin()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            public: build_client(|| client_builder(options.connect_timeout).dns_resolver(PublicResolver))?,
            trusted: trusted_client(options.connect_timeout)?,
            options,
            allowed,
        })
    }

    /// Sends the request, follows redirects to allowed hosts, and reads the
    /// whole body.
    pub async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, HttpError> {
        tokio::time::timeout(self.options.total_timeout, self.follow(request))
            .await
            .unwrap_or(Err(HttpError::Timeout))
    }

    /// Sends the request and reads the whole body. A redirect is an answer like any
    /// other, so that nothing is sent on to where it leads.
    pub async fn send_once(&self, request: OutboundRequest) -> Result<OutboundResponse, HttpError> {
        let once = async {
            let hop = Hop::new(request)?;
            self.read(self.send_hop(&hop).await?).await
        };
        tokio::time::timeout(self.options.total_timeout, once).await.unwrap_or(Err(HttpError::Timeout))
    }

    async fn follow(&self, request: OutboundRequest) -> Result<OutboundResponse, HttpError> {
        let mut hop = Hop::new(request)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send_hop(&hop).await?;
            match redirect_target(&hop.url, response.status().as_u16(), response.headers()) {
                Some(target) => hop = hop.redirected(response.status().as_u16(), target?),
                None => return self.read(response).await,
            }
        }
        Err(HttpError::TooManyRedirects)
    }

    async fn send_hop(&self, hop: &Hop) -> Result<reqwest::Response, HttpError> {
        let client = self.client_for(&hop.url)?;
        client
            .request(hop.method.clone(), hop.url.clone())
            .headers(hop.headers.clone())
            .body(hop.body.clone())
            .send()
            .await
            .map_err(|error| self.classify(&error, &hop.url))
    }

    fn client_for(&self, url: &Url) -> Result<&reqwest::Client, HttpError> {
        if self.options.allow_private_addresses || self.allowed.contains(&url.origin()) {
            return Ok(&self.trusted);
        }
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(ip.into()),
            Some(Host::Ipv6(ip)) => Some(ip.into()),
            _ => None,
        };
        match literal {
            Some(ip) if !is_public(ip) => Err(HttpError::Refused { host: host_of(url) }),
            _ => Ok(&self.public),
        }
    }

    fn classify(&self, error: &reqwest::Error, url: &Url) -> HttpError {
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            if cause.is::<RefusedAddress>() {
                return HttpError::Refused { host: host_of(url) };
            }
            source = cause.source();
        }
        if error.is_timeout() { HttpError::Timeout } else { HttpError::Connection(describe(error)) }
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<OutboundResponse, HttpError> {
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        let limit = self.options.max_response_bytes;
        let mut body = BytesMut::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| HttpError::Connection(describe(&error)))?
        {
            if body.len() + chunk.len() > limit {
                return Err(HttpError::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(OutboundResponse { status, headers, body: body.freeze() })
    }
}

struct Hop {
    method: reqwest::Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Hop {
    fn new(request: OutboundRequest) -> Result<Self, HttpError> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| HttpError::Malformed("unknown method".into()))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let name = HeaderName::try_from(name.as_str())
                .map_err(|_| HttpError::Malformed("a header's name is not valid".into()))?;
            let value = HeaderValue::try_from(value.as_str())
                .map_err(|_| HttpError::Malformed(format!("the value of {name} is not valid")))?;
            headers.append(name, value);
        }
        Ok(Self { method, url: parse_url(&request.url)?, headers, body: request.body })
    }

    fn redirected(mut self, status: u16, target: Url) -> Self {
        let becomes_get =
            status == 303 || (matches!(status, 301 | 302) && self.method == reqwest::Method::POST);
        if becomes_get && self.method != reqwest::Method::HEAD {
            self.method = reqwest::Method::GET;
            self.body = Bytes::new();
            self.headers.remove(CONTENT_TYPE);
        }
        if target.origin() != self.url.origin() {
            let content_type = self.headers.remove(CONTENT_TYPE);
            self.headers.clear();
            self.headers.extend(content_type.map(|value| (CONTENT_TYPE, value)));
        }
        self.url = target;
        self
    }
}

fn redirect_target(from: &Url, status: u16, headers: &HeaderMap) -> Option<Result<Url, HttpError>> {
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = headers.get(LOCATION)?.to_str().ok()?;
    let target =
        from.join(location).map_err(|_| HttpError::Malformed("the redirect has no valid URL".into()));
    Some(target.and_then(|url| parse_url(url.as_str())))
}

fn parse_url(text: &str) -> Result<Url, HttpError> {
    let url = Url::parse(text).map_err(|error| HttpError::Malformed(format!("not a URL: {error}")))?;
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(_)) => Ok(url),
        _ => Err(HttpError::Malformed("only http and https URLs are allowed".into())),
    }
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// A client for hosts that the operator named; follows no redirect.
pub(crate) fn trusted_client(connect_timeout: Duration) -> Result<reqwest::Client, HttpError> {
    build_client(|| client_builder(connect_timeout))
}

/// The same, with a bound for whole requests and their bodies.
pub(crate) fn bounded_trusted_client(
    connect: Duration,
    total: Duration,
) -> Result<reqwest::Client, HttpError> {
    build_client(|| client_builder(connect).timeout(total))
}

fn client_builder(connect_timeout: Duration) -> reqwest::ClientBuilder {
    install_crypto_provider();
    reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("atelier/", env!("CARGO_PKG_VERSION")))
}

/// Trusts the system's certificates, or the bundled ones where the system has
/// none, as in slim containers.
fn build_client(builder: impl Fn() -> reqwest::ClientBuilder) -> Result<reqwest::Client, HttpError> {
    builder()
        .build()
        .or_else(|_| builder().tls_backend_preconfigured(bundled_certificates()).build())
        .map_err(|error| HttpError::Connection(describe(&error)))
}

fn bundled_certificates() -> rustls::ClientConfig {
    let roots = rustls::RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

/// The innermost cause, which names neither URL nor headers.
pub(crate) fn describe(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = match std::error::Error::source(error) {
        Some(source) => source,
        None if error.is_builder() => return "the client cannot be built".into(),
        None => return "the connection failed".into(),
    };
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
