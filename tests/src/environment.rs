//! Where the servers for tests are.
#![expect(clippy::disallowed_methods, reason = "tests learn of their servers from scripts/test alone")]

use std::path::{Path, PathBuf};

/// URL of a PostgreSQL superuser.
pub(crate) fn database_url() -> String {
    required("TEST_DATABASE_URL")
}

/// URL of a Redis that all tests share.
pub(crate) fn redis_url() -> String {
    required("TEST_REDIS_URL")
}

/// The redis-server program.
pub(crate) fn redis_server() -> String {
    std::env::var("TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

/// The pgbouncer program, which Debian keeps where only root looks.
#[cfg(unix)]
pub(crate) fn pgbouncer() -> String {
    std::env::var("TEST_PGBOUNCER").unwrap_or_else(|_| "pgbouncer".to_owned())
}

/// The program node: the one that `scripts/node-packages` installed where the system
/// has none that will do.
pub(crate) fn node() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/node/bin/node");
    if own.exists() { own } else { "node".into() }
}

fn required(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run scripts/test"))
}
