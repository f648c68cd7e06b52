//! Requests to one provider: through the guarded client, bounded in time, and held
//! back while the provider's circuit is open.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use tracing::Instrument;

use super::error::OAuthError;
use crate::{
    circuits::{Circuits, Permit, Report},
    http::{GuardedClient, HttpError, HttpOptions, OutboundRequest},
    metrics,
    resilience::Clock,
};

/// Largest answer: sets of keys and profiles are a few KiB.
const MAX_RESPONSE_BYTES: usize = 512 * 1024;

/// How a provider is spoken to.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// What its circuit is called; no two providers share one.
    pub circuit: String,
    /// For the connection, TLS included.
    pub connect_timeout: Duration,
    /// For one request, and for one step of a sign-in with all its requests.
    pub timeout: Duration,
    /// Lets requests reach private addresses.
    pub allow_private_addresses: bool,
    /// The addresses of the provider in the settings; these may be private.
    pub addresses: Vec<String>,
}

/// Sends requests to one provider. It follows no redirect.
pub struct Transport {
    line: Arc<Line>,
    timeout: Duration,
}

/// What one request goes through, whoever waits for its answer.
struct Line {
    client: GuardedClient,
    circuit: String,
    circuits: Arc<dyn Circuits>,
    clock: Clock,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Requests failed in a row.
    #[error("it failed a few times in a row and is left alone for a while")]
    CircuitOpen,
    /// The connection failed, or took too long.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The provider cannot do it now.
    #[error("status {0}")]
    Status(u16),
    /// The answer is no HTTP.
    #[error("the answer is malformed")]
    Malformed,
    /// This process ends.
    #[error("the request was broken off")]
    Aborted,
}

impl From<TransportError> for OAuthError {
    fn from(error: TransportError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Transport {
    /// A transport to the provider of these addresses.
    pub fn new(
        options: TransportOptions,
        circuits: Arc<dyn Circuits>,
        clock: Clock,
    ) -> Result<Self, HttpError> {
        let client = GuardedClient::new(HttpOptions {
            connect_timeout: options.connect_timeout,
            total_timeout: options.timeout,
            max_response_bytes: MAX_RESPONSE_BYTES,
            allow_private_addresses: options.allow_private_addresses,
            allowed_origins: options.addresses,
        })?;
        let line = Arc::new(Line { client, circuit: options.circuit, circuits, clock });
        Ok(Self { line, timeout: options.timeout })
    }

    /// A step of a sign-in, with all its requests, in bounded time.
    pub(super) async fn within<T>(
        &self,
        step: impl Future<Output = Result<T, OAuthError>>,
    ) -> Result<T, OAuthError> {
        let late = |_| Err(OAuthError::Unavailable("no answer in time".to_owned()));
        tokio::time::timeout(self.timeout, step).await.unwrap_or_else(late)
    }

    /// The answer to a request. A request that was begun goes to its end, at most the
    /// timeout, though nobody waits any more: browsers that hang up say nothing about the
    /// provider.
    pub(super) async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let line = self.line.clone();
        let asked = tokio::spawn(async move { line.exchange(request).await }.in_current_span());
        asked.await.unwrap_or(Err(TransportError::Aborted))
    }
}

impl Line {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if let Permit::Refused { .. } = self.circuits.ask(&self.circuit, (self.clock)()).await {
            metrics::circuit_held_back(&self.circuit);
            return Err(TransportError::CircuitOpen);
        }
        let answer = self.send(request).await;
        let report = match &answer {
            Ok(_) | Err(TransportError::Status(429)) => Report::Succeeded,
            Err(_) => Report::Failed,
        };
        self.circuits.report(&self.circuit, report, (self.clock)()).await;
        answer
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let (parts, body) = request.into_parts();
        let headers = parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
        let outbound = OutboundRequest {
            method: parts.method.to_string(),
            url: parts.uri.to_string(),
            headers: headers.collect(),
            body: Bytes::from(body),
        };
        let answer = self.client.send_once(outbound).await?;
        if answer.status >= 500 || answer.status == 429 {
            return Err(TransportError::Status(answer.status));
        }
        let mut response = http::Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        response.body(answer.body.to_vec()).map_err(|_| TransportError::Malformed)
    }
}

impl<'c> AsyncHttpClient<'c> for Transport {
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, TransportError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.exchange(request))
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("circuit", &self.line.circuit)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
