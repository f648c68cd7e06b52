//! Guarded HTTP to addresses that users can choose: no requests or redirects into private
//! networks, and limits for time and size.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use url::{Host, Origin, Url};

mod address;
mod client;
mod error;
mod exchange;
mod resolver;

pub use address::is_public;
pub use client::install_crypto_provider;
pub use error::HttpError;
pub use exchange::{OutboundRequest, OutboundResponse, OutboundStream};

pub(crate) use client::{bounded_trusted_client, trusted_client};
pub(crate) use error::describe;

use client::{build_client, client_builder};
use error::MAX_REDIRECTS;
use resolver::{PublicResolver, RefusedAddress};

/// Limits of a [`GuardedClient`].
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Time limit for the connection, including TLS.
    pub connect_timeout: Duration,
    /// Time limit for a whole request, including redirects and the body.
    pub total_timeout: Duration,
    /// Largest response body in bytes.
    pub max_response_bytes: usize,
    /// Whether every request may reach private and loopback addresses.
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

/// Sends requests to addresses that are public or explicitly allowed. The addresses of a
/// name are checked when it is resolved for the connection, so that they cannot change
/// between check and connection (DNS rebinding).
#[derive(Debug, Clone)]
pub struct GuardedClient {
    public: reqwest::Client,
    trusted: reqwest::Client,
    options: HttpOptions,
    allowed: Vec<Origin>,
}

impl GuardedClient {
    /// A client with these limits. Fails if an allowed origin is malformed.
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

    /// Sends the request and reads the whole body. Returns a redirect like any other
    /// response and does not follow it.
    pub async fn send_once(&self, request: OutboundRequest) -> Result<OutboundResponse, HttpError> {
        let once = async { self.read(self.send_hop(&Hop::new(request)?).await?).await };
        tokio::time::timeout(self.options.total_timeout, once).await.unwrap_or(Err(HttpError::Timeout))
    }

    /// Sends the request and returns once the headers have come. The caller reads the
    /// body in chunks and bounds its time and size. Redirects are not followed.
    pub async fn open(&self, request: OutboundRequest) -> Result<OutboundStream, HttpError> {
        let opened = async { Ok(OutboundStream::new(self.send_hop(&Hop::new(request)?).await?)) };
        tokio::time::timeout(self.options.total_timeout, opened).await.unwrap_or(Err(HttpError::Timeout))
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

    async fn read(&self, response: reqwest::Response) -> Result<OutboundResponse, HttpError> {
        OutboundStream::new(response).read(self.options.max_response_bytes).await
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

#[cfg(test)]
mod tests;
