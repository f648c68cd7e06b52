//! The HTTP server and the process as a whole.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;

use crate::network::Network;

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
pub struct ServerSettings {
    /// Address the API listens on.
    pub bind: SocketAddr,
    /// Address of the operations endpoint of workers and schedulers.
    pub ops_bind: SocketAddr,
    /// Public URL of this instance; empty for the bind address: [`Settings::public_url`].
    pub public_url: String,
    /// The addresses of published sites with `{slug}`; empty for the default, `none` for no
    /// hosts: [`Settings::preview_url`].
    ///
    /// [`Settings::preview_url`]: crate::Settings::preview_url
    pub preview_url: String,
    /// Whether HSTS includes the subdomains.
    pub hsts_include_subdomains: bool,
    /// Data folder of an embedded instance.
    pub data_dir: PathBuf,
    /// Seconds a shutdown waits for running work.
    pub shutdown_grace_secs: u64,
    /// Largest request body in bytes.
    pub max_body_bytes: usize,
    /// Seconds after which a request is answered 503.
    pub request_timeout_secs: u64,
    /// Seconds that the headers of a request may take.
    pub header_timeout_secs: u64,
    /// Seconds that a connection may stay without a request.
    pub idle_timeout_secs: u64,
    /// Seconds in which a client must read a part of the response.
    pub write_timeout_secs: u64,
    /// Open connections.
    pub max_connections: usize,
    /// Origins that browsers may call from; `*` is any.
    pub cors_allowed_origins: Vec<String>,
    /// Networks whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<Network>,
}

impl ServerSettings {
    /// How long a shutdown waits for running work.
    #[must_use]
    pub const fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_secs)
    }

    /// How long a request may take.
    #[must_use]
    pub const fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_secs)
    }

    /// How long the headers of a request may take.
    #[must_use]
    pub const fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_timeout_secs)
    }

    /// How long a connection may stay without a request.
    #[must_use]
    pub const fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_secs)
    }

    /// How long a client may read nothing of the response.
    #[must_use]
    pub const fn write_timeout(&self) -> Duration {
        Duration::from_secs(self.write_timeout_secs)
    }
}
