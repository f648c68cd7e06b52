//! What the handlers share: the services, the settings of the HTTP interface, and
//! what this process counts.

mod request_meters;
mod streams;
pub(crate) mod unknown_tokens;

use std::{ops::Deref, path::PathBuf, sync::Arc, time::Duration};

use atelier_config::Network;
use atelier_ops::{connections::ConnectionLimits, host::HostProbe, server::Operations, shutdown::Shutdown};
use atelier_providers::limiter::RateLimiter;
use atelier_services::Services;

pub(crate) use request_meters::RequestMeters;
pub(crate) use streams::{MAX_STREAMS_PER_USER, OpenStreams};
pub(crate) use unknown_tokens::UnknownTokenLimiter;

/// Settings of the HTTP interface.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// Longest time until an answer begins.
    pub request_timeout: Duration,
    /// Limits of connections.
    pub connections: ConnectionLimits,
    /// Origins that browsers may call from; `*` is any.
    pub cors_allowed_origins: Vec<String>,
    /// Networks of proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<Network>,
    /// Folder on the disk that operators monitor.
    pub data_dir: PathBuf,
    /// Rate limits.
    pub limits: LimitOptions,
    /// Hosts that browsers must call by https.
    pub strict_transport: StrictTransport,
}

/// Hosts that browsers must call by https.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrictTransport {
    /// None: the public address begins with http.
    Off,
    /// The host of the public address.
    Host,
    /// That host and its subdomains.
    Subdomains,
}

/// Rate limits.
#[derive(Clone, Copy, Debug)]
pub struct LimitOptions {
    /// Requests a minute of one person, or of one address where nobody is signed in.
    pub requests_per_minute: u32,
    /// Registrations, sign-ins and refreshes a minute of one address.
    pub auth_per_minute: u32,
    /// Generations, deployments, retries and exports a minute of one person.
    pub generation_per_minute: u32,
    /// Files of published sites a minute of one address.
    pub preview_per_minute: u32,
}

/// What the handlers share. It is cheap to clone; every request clones it several times.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

/// The fields of [`ApiState`].
pub struct Shared {
    pub(crate) services: Services,
    pub(crate) limiter: Arc<dyn RateLimiter>,
    pub(crate) options: ApiOptions,
    pub(crate) operations: Operations,
    pub(crate) shutdown: Shutdown,
    pub(crate) streams: OpenStreams,
    pub(crate) host: HostProbe,
    pub(crate) meters: RequestMeters,
    pub(crate) unknown_tokens: UnknownTokenLimiter,
}

impl Deref for ApiState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl ApiState {
    /// The state of a router. `operations` answers the probes and the scrape; event
    /// streams end when `shutdown` begins. Install the recorder of metrics before.
    #[must_use]
    pub fn new(
        services: Services,
        limiter: Arc<dyn RateLimiter>,
        options: ApiOptions,
        operations: Operations,
        shutdown: Shutdown,
    ) -> Self {
        let host = HostProbe::new(options.data_dir.clone());
        Self(Arc::new(Shared {
            services,
            limiter,
            options,
            operations,
            shutdown,
            streams: OpenStreams::default(),
            host,
            meters: RequestMeters::default(),
            unknown_tokens: UnknownTokenLimiter::default(),
        }))
    }
}

impl std::fmt::Debug for ApiState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiState").field("options", &self.0.options).finish_non_exhaustive()
    }
}
