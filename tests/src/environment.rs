//! The environment variables of the test servers.
#![expect(clippy::disallowed_methods, reason = "scripts/test passes the servers of tests in the environment")]

use std::path::{Path, PathBuf};

/// URL of a PostgreSQL superuser.
pub(crate) fn database_url() -> String {
    required("TEST_DATABASE_URL")
}

/// URL of the Redis that all tests share.
pub(crate) fn redis_url() -> String {
    required("TEST_REDIS_URL")
}

/// The program redis-server.
pub(crate) fn redis_server() -> String {
    std::env::var("TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

/// The program pgbouncer, which Debian installs outside the PATH of normal users.
#[cfg(unix)]
pub(crate) fn pgbouncer() -> String {
    std::env::var("TEST_PGBOUNCER").unwrap_or_else(|_| "pgbouncer".to_owned())
}

/// Whether nothing that tests need may be missing: `CI` is set, as build services do.
pub(crate) fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty())
}

/// The program chromium.
pub(crate) fn chromium() -> String {
    std::env::var("TEST_CHROMIUM").unwrap_or_else(|_| "chromium".to_owned())
}

/// The program node: the one that `scripts/node-packages` installed, if any, otherwise the
/// system's.
pub(crate) fn node() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/node/bin/node");
    if own.exists() { own } else { "node".into() }
}

fn required(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run scripts/test"))
}
