//! Requests to one provider: through the guarded client, with time limits and a circuit
//! breaker.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use tracing::Instrument;

use super::error::OAuthError;
use crate::{
    circuits::{Circuits, Permit, Report},
    http::{GuardedClient, HttpError, HttpOptions, IpNet, OutboundRequest},
    metrics,
    resilience::Clock,
};

/// Largest response: key sets and profiles have a few KiB.
const MAX_RESPONSE_BYTES: usize = 512 * 1024;

/// The options of requests to a provider.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// Name of the circuit; unique for each provider.
    pub circuit: String,
    /// Time limit for the connection, including TLS.
    pub connect_timeout: Duration,
    /// Time limit for one request, and for one step of a sign-in with all its requests.
    pub timeout: Duration,
    /// Whether requests may reach private addresses.
    pub allow_private_addresses: bool,
    /// Networks that requests may reach besides public addresses.
    pub allowed_networks: Vec<IpNet>,
    /// URLs of the provider in the settings, which may be private.
    pub addresses: Vec<String>,
}

/// Sends requests to one provider. It follows no redirects.
pub struct Transport {
    client: Arc<BreakerClient>,
    timeout: Duration,
}

/// A client with a circuit breaker.
struct BreakerClient {
    http: GuardedClient,
    circuit: String,
    circuits: Arc<dyn Circuits>,
    clock: Clock,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The circuit is open.
    #[error("it failed several times in a row and its circuit is open")]
    CircuitOpen,
    /// The connection failed, or took too long.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The provider responded with a temporary error.
    #[error("status {0}")]
    Status(u16),
    /// The response is malformed.
    #[error("the response is malformed")]
    Malformed,
    /// The process is shutting down.
    #[error("the request was aborted")]
    Aborted,
}

impl From<TransportError> for OAuthError {
    fn from(error: TransportError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Transport {
    /// A transport with these options.
    pub fn new(
        options: TransportOptions,
        circuits: Arc<dyn Circuits>,
        clock: Clock,
    ) -> Result<Self, HttpError> {
        let http = GuardedClient::new(HttpOptions {
            connect_timeout: options.connect_timeout,
            total_timeout: options.timeout,
            max_response_bytes: MAX_RESPONSE_BYTES,
            allow_private_addresses: options.allow_private_addresses,
            allowed_networks: options.allowed_networks,
            allowed_origins: options.addresses,
        })?;
        let client = Arc::new(BreakerClient { http, circuit: options.circuit, circuits, clock });
        Ok(Self { client, timeout: options.timeout })
    }

    /// Runs a step of a sign-in, with all its requests, within the time limit.
    pub(super) async fn within<T>(
        &self,
        step: impl Future<Output = Result<T, OAuthError>>,
    ) -> Result<T, OAuthError> {
        let late = |_| Err(OAuthError::Unavailable("no answer in time".to_owned()));
        tokio::time::timeout(self.timeout, step).await.unwrap_or_else(late)
    }

    /// Sends a request. It continues until its time limit even if the caller is dropped, so
    /// that a browser which disconnects does not count as a failure of the provider.
    pub(super) async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let client = self.client.clone();
        let asked = tokio::spawn(async move { client.exchange(request).await }.in_current_span());
        asked.await.unwrap_or(Err(TransportError::Aborted))
    }
}

impl BreakerClient {
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
        let answer = self.http.send_once(outbound).await?;
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
            .field("circuit", &self.client.circuit)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
