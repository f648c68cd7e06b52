//! Requests to one provider: through the guarded client, bounded in time, and held
//! back for a while after some failures in a row.

use std::{future::Future, pin::Pin, sync::Mutex, time::Duration};

use bytes::Bytes;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};

use super::OAuthError;
use crate::{
    http::{GuardedClient, HttpError, HttpOptions, OutboundRequest},
    resilience::{Breaker, BreakerPolicy, Clock},
};

/// Largest answer: sets of keys and profiles are a few KiB.
const MAX_RESPONSE_BYTES: usize = 512 * 1024;

/// How a provider is spoken to.
#[derive(Clone, Debug)]
pub struct TransportOptions {
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
    client: GuardedClient,
    breaker: Mutex<Breaker>,
    clock: Clock,
    timeout: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Requests failed in a row.
    #[error("it failed a few times in a row and is left alone for a while")]
    Resting,
    /// The connection failed, or took too long.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The provider cannot do it now.
    #[error("status {0}")]
    Status(u16),
    /// The answer is no HTTP.
    #[error("the answer is malformed")]
    Malformed,
}

impl From<TransportError> for OAuthError {
    fn from(error: TransportError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Transport {
    /// A transport to the provider of these addresses.
    pub fn new(options: TransportOptions, clock: Clock) -> Result<Self, HttpError> {
        let client = GuardedClient::new(HttpOptions {
            connect_timeout: options.connect_timeout,
            total_timeout: options.timeout,
            max_response_bytes: MAX_RESPONSE_BYTES,
            allow_private_addresses: options.allow_private_addresses,
            allowed_origins: options.addresses,
        })?;
        let breaker = Mutex::new(Breaker::new(BreakerPolicy::default()));
        Ok(Self { client, breaker, clock, timeout: options.timeout })
    }

    /// A step of a sign-in, with all its requests, in bounded time.
    pub(super) async fn within<T>(
        &self,
        step: impl Future<Output = Result<T, OAuthError>>,
    ) -> Result<T, OAuthError> {
        let late = |_| Err(OAuthError::Unavailable("no answer in time".to_owned()));
        tokio::time::timeout(self.timeout, step).await.unwrap_or_else(late)
    }

    pub(super) async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if !self.with_breaker(|breaker| breaker.allow((self.clock)())) {
            return Err(TransportError::Resting);
        }
        let attempt = Attempt { transport: self, has_ended: false };
        let answer = self.send(request).await;
        let is_up = match &answer {
            Ok(_) | Err(TransportError::Status(429)) => true,
            Err(_) => false,
        };
        attempt.end(is_up);
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

    fn with_breaker<T>(&self, work: impl FnOnce(&mut Breaker) -> T) -> T {
        work(&mut self.breaker.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// A request that counts as failed where nobody waits for its answer any more.
struct Attempt<'a> {
    transport: &'a Transport,
    has_ended: bool,
}

impl Attempt<'_> {
    fn end(mut self, is_up: bool) {
        self.has_ended = true;
        self.transport.with_breaker(|breaker| {
            if is_up { breaker.on_success() } else { breaker.on_failure((self.transport.clock)()) }
        });
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.transport.with_breaker(|breaker| breaker.on_failure((self.transport.clock)()));
        }
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
        f.debug_struct("Transport").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
