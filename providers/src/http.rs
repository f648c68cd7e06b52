//! Guarded HTTP to addresses that users can choose: no requests or redirects into private
//! networks, and limits for time and size.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use url::{Origin, Url};

mod address;
mod client;
mod error;
mod exchange;
mod hop;
mod policy;
mod reserved;
mod resolver;

pub use address::is_public;
pub use client::install_crypto_provider;
pub use error::HttpError;
pub use exchange::{OutboundRequest, OutboundResponse, OutboundStream};
pub use ipnet::IpNet;
pub use reserved::is_reserved_header;

pub(crate) use client::{bounded_trusted_client, trusted_client};
pub(crate) use error::describe;

use client::{build_client, client_builder};
use error::MAX_REDIRECTS;
use hop::{Hop, parse_url};
use policy::{Policy, is_mail_port};
use resolver::{GuardedResolver, Lookup, RefusedAddress, SystemLookup};

/// Limits of a [`GuardedClient`].
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Time limit for the connection, including TLS.
    pub connect_timeout: Duration,
    /// Time limit for a whole request, including redirects and the body.
    pub total_timeout: Duration,
    /// Largest response body in bytes.
    pub max_response_bytes: usize,
    /// Whether every request may reach every address and port.
    pub allow_private_addresses: bool,
    /// Networks that every request may reach besides public addresses.
    pub allowed_networks: Vec<IpNet>,
    /// Origins such as `http://localhost:11434` that may have any address and port.
    pub allowed_origins: Vec<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(30),
            max_response_bytes: 1024 * 1024,
            allow_private_addresses: false,
            allowed_networks: Vec::new(),
            allowed_origins: Vec::new(),
        }
    }
}

/// Sends requests to addresses that are public or explicitly allowed. The addresses of a
/// name are checked when it is resolved for the connection, so that they cannot change
/// between check and connection (DNS rebinding). Every redirect is checked like a request.
#[derive(Debug, Clone)]
pub struct GuardedClient {
    guarded: reqwest::Client,
    trusted: reqwest::Client,
    options: HttpOptions,
    policy: Policy,
    lookup: Arc<dyn Lookup>,
    allowed: Vec<Origin>,
}

impl GuardedClient {
    /// A client with these limits. Fails if an allowed origin is malformed.
    pub fn new(options: HttpOptions) -> Result<Self, HttpError> {
        Self::with_lookup(options, Arc::new(SystemLookup))
    }

    fn with_lookup(options: HttpOptions, lookup: Arc<dyn Lookup>) -> Result<Self, HttpError> {
        let policy = Policy::new(options.allowed_networks.clone());
        let resolver = GuardedResolver::new(policy.clone(), lookup.clone());
        let allowed = options
            .allowed_origins
            .iter()
            .map(|origin| parse_url(origin).map(|url| url.origin()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            guarded: build_client(|| client_builder(options.connect_timeout).dns_resolver(resolver.clone()))?,
            trusted: trusted_client(options.connect_timeout)?,
            options,
            policy,
            lookup,
            allowed,
        })
    }

    /// Checks an address as far as that is possible without resolving its name.
    pub fn check(&self, url: &str) -> Result<(), HttpError> {
        let url = parse_url(url)?;
        if self.is_trusted(&url) { Ok(()) } else { self.policy.check(&url) }
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
        let opened = async { OutboundStream::new(self.send_hop(&Hop::new(request)?).await?) };
        tokio::time::timeout(self.options.total_timeout, opened).await.unwrap_or(Err(HttpError::Timeout))
    }

    /// The addresses of a mail server, of which none is private unless the operator opened its network. Whoever
    /// connects uses these and does not resolve the name again.
    ///
    /// # Errors
    /// [`HttpError::RefusedPort`] for a port of another service, [`HttpError::Refused`] if one of the addresses is
    /// not permitted, and [`HttpError::Connection`] if the name has none.
    pub async fn resolve_mail_server(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, HttpError> {
        let is_trusted = self.options.allow_private_addresses;
        if !is_trusted && !is_mail_port(port) {
            return Err(HttpError::RefusedPort { port });
        }
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::time::timeout(self.options.connect_timeout, self.lookup.lookup(name))
            .await
            .map_err(|_| HttpError::Timeout)?
            .map_err(|error| HttpError::Connection(error.to_string()))?;
        if found.is_empty() {
            return Err(HttpError::Connection("the name has no address".to_owned()));
        }
        if !is_trusted && !self.policy.permits_all(name, &found) {
            return Err(HttpError::Refused { host: host.to_owned() });
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address.ip(), port)).collect())
    }

    async fn follow(&self, request: OutboundRequest) -> Result<OutboundResponse, HttpError> {
        let mut hop = Hop::new(request)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send_hop(&hop).await?;
            let status = response.status().as_u16();
            match hop.redirect_target(status, response.headers()) {
                Some(target) => hop = hop.redirected(status, target?),
                None => return self.read(response).await,
            }
        }
        Err(HttpError::TooManyRedirects)
    }

    async fn send_hop(&self, hop: &Hop) -> Result<reqwest::Response, HttpError> {
        let trusted = self.is_trusted(&hop.url);
        let client = if trusted { &self.trusted } else { &self.guarded };
        if !trusted {
            self.policy.check(&hop.url)?;
        }
        let response = client
            .request(hop.method.clone(), hop.url.clone())
            .headers(hop.headers.clone())
            .body(hop.body.clone())
            .send()
            .await
            .map_err(|error| classify(&error, &hop.url))?;
        let permitted = |peer: SocketAddr| self.policy.permits(peer.ip());
        if trusted || response.remote_addr().is_some_and(permitted) {
            return Ok(response);
        }
        Err(HttpError::refused(&hop.url))
    }

    fn is_trusted(&self, url: &Url) -> bool {
        self.options.allow_private_addresses || self.allowed.contains(&url.origin())
    }

    async fn read(&self, response: reqwest::Response) -> Result<OutboundResponse, HttpError> {
        OutboundStream::new(response)?.read(self.options.max_response_bytes).await
    }
}

fn classify(error: &reqwest::Error, url: &Url) -> HttpError {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<RefusedAddress>() {
            return HttpError::refused(url);
        }
        source = cause.source();
    }
    if error.is_timeout() { HttpError::Timeout } else { HttpError::Connection(describe(error)) }
}

#[cfg(test)]
mod tests;
