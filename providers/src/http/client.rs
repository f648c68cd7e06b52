//! Clients for hosts that the operator named, and their TLS.

use std::time::Duration;

use super::error::{HttpError, describe};

/// Installs the TLS provider (ring) of this process. Call it before the first client is
/// made; further calls do nothing.
pub fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let another_thread_was_first = rustls::crypto::ring::default_provider().install_default().is_err();
        tracing::trace!(another_thread_was_first, "TLS provider installed");
    }
}

/// A client for hosts that the operator configured. It follows no redirects.
pub(crate) fn trusted_client(connect_timeout: Duration) -> Result<reqwest::Client, HttpError> {
    build_client(|| client_builder(connect_timeout))
}

/// The same with a time limit for whole requests, including the bodies.
pub(crate) fn bounded_trusted_client(
    connect: Duration,
    total: Duration,
) -> Result<reqwest::Client, HttpError> {
    build_client(|| client_builder(connect).timeout(total))
}

/// The options that every client of this crate has.
pub(super) fn client_builder(connect_timeout: Duration) -> reqwest::ClientBuilder {
    install_crypto_provider();
    reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("atelier/", env!("CARGO_PKG_VERSION")))
}

/// Trusts the CA certificates of the system, or the bundled ones if the system has none, as
/// in slim containers.
pub(super) fn build_client(
    builder: impl Fn() -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, HttpError> {
    builder()
        .build()
        .or_else(|_| builder().tls_backend_preconfigured(bundled_certificates()).build())
        .map_err(|error| HttpError::Connection(describe(&error)))
}

fn bundled_certificates() -> rustls::ClientConfig {
    let roots = rustls::RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}
