//! The product's processes: the released binaries beside this one.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, ensure};
use secrecy::{ExposeSecret, SecretString};
use tokio::{process::Command, time};
use uuid::Uuid;

use super::{
    load::{self, Connection},
    process::Process,
    testbed::{RunDatabase, Testbed},
};
use crate::servers::{keys::credential_keys, scratch};

/// What the product signs access tokens with.
pub(super) const JWT_SECRET: &str = "a secret of the bench, good for nothing else";

/// How long a process may take until it is ready.
const START_LIMIT: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Settings that do not limit a load, and let deliveries reach this machine.
const UNLIMITED: [(&str, &str); 9] = [
    ("ATELIER_LIMITS__AUTH_PER_MINUTE", "1000000"),
    ("ATELIER_LIMITS__REQUESTS_PER_MINUTE", "1000000000"),
    ("ATELIER_LIMITS__GENERATION_PER_MINUTE", "1000000"),
    ("ATELIER_CREDITS__SIGNUP_GRANT", "1000000"),
    ("ATELIER_HTTP_CLIENT__ALLOW_PRIVATE_ADDRESSES", "true"),
    ("ATELIER_LLM__PROVIDER", "scaffold"),
    ("ATELIER_TELEMETRY__LOG_FILTER", "warn"),
    ("SMTP_URL", ""),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
];

/// A running process of the product.
pub(super) struct Product {
    pub(super) process: Process,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Product {
    /// Starts `atelier-api`, `atelier-worker` or `atelier-scheduler` on that database and waits
    /// until it is ready.
    pub(super) async fn start(testbed: &Testbed, database: &RunDatabase, name: &str) -> anyhow::Result<Self> {
        let servers = [
            ("DATABASE_URL", database.database_url.expose_secret()),
            ("REDIS_URL", database.redis_url.expose_secret()),
        ];
        Self::start_with(testbed, name, &servers).await
    }

    /// Starts `atelier` on a new SQLite file without workers for generations and mail, and
    /// returns the URL of the file.
    pub(super) async fn start_idle_embedded(testbed: &Testbed) -> anyhow::Result<(Self, SecretString)> {
        let folder = testbed.scratch.folder(&format!("database-{}", Uuid::new_v4().simple()))?;
        let url = format!("sqlite://{}?mode=rwc", folder.join("atelier.db").display());
        let settings = [
            ("DATABASE_URL", url.as_str()),
            ("REDIS_URL", ""),
            ("ATELIER_QUEUE__CONCURRENCY__GENERATION", "0"),
            ("ATELIER_QUEUE__CONCURRENCY__EMAIL", "0"),
        ];
        let product = Self::start_with(testbed, "atelier", &settings).await?;
        Ok((product, url.into()))
    }

    /// Starts `atelier`, which has every role, on a new folder.
    pub(super) async fn start_embedded(testbed: &Testbed) -> anyhow::Result<Self> {
        Self::start_with(testbed, "atelier", &[("DATABASE_URL", ""), ("REDIS_URL", "")]).await
    }

    /// Starts `atelier`, which has every role, on a new folder with these settings of model servers.
    pub(super) async fn start_generating(
        testbed: &Testbed,
        settings: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let settings = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<_> = [("DATABASE_URL", ""), ("REDIS_URL", "")].into_iter().chain(settings).collect();
        Self::start_with(testbed, "atelier", &all).await
    }

    async fn start_with(testbed: &Testbed, name: &str, servers: &[(&str, &str)]) -> anyhow::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], scratch::free_port()?));
        let data = testbed.scratch.folder(&format!("{name}-{}", Uuid::new_v4().simple()))?;
        let mut command = Command::new(binary(name)?);
        // Settings of the caller's environment must not reach this process.
        command.env_clear().envs(UNLIMITED).envs(servers.iter().copied());
        command.env("DATA_DIR", data).env("JWT_SECRET", JWT_SECRET).env("CREDENTIAL_KEYS", credential_keys());
        command.env("BIND", address.to_string()).env("ATELIER_SERVER__OPS_BIND", address.to_string());
        let mut process = Process::start(testbed, command, name)?;
        let begun = time::Instant::now();
        while !is_ready(address).await {
            ensure!(!process.has_ended(), "{name} ended: {}", log_end(testbed, name));
            ensure!(begun.elapsed() < START_LIMIT, "{name} is not ready: {}", log_end(testbed, name));
            time::sleep(LOOK_EVERY).await;
        }
        Ok(Self { process, address })
    }

    /// Shuts it down.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.process.stop().await
    }
}

/// Whether every binary of the product lies beside this one.
pub(super) fn is_installed() -> bool {
    ["atelier", "atelier-api", "atelier-worker", "atelier-scheduler"]
        .into_iter()
        .all(|name| binary(name).is_ok())
}

fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("cannot tell this program's path")?;
    let path = program.with_file_name(name);
    ensure!(path.is_file(), "{name} does not lie beside this program: build atelier-server the same way");
    Ok(path)
}

async fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(address).await else { return false };
    let answer = connection.send(&load::request("GET", "/readyz", &[], "")).await;
    answer.is_ok_and(|answer| answer.status == 200)
}

fn log_end(testbed: &Testbed, name: &str) -> String {
    let text = std::fs::read_to_string(testbed.scratch.log(name)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().rev().take(3).rev().copied().collect::<Vec<_>>().join(" / ")
}
