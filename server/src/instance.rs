//! A running process with its roles, from their start to the end of the drain.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, anyhow};
use atelier_api::ApiState;
use atelier_config::{Role, Settings};
use atelier_ops::{
    metrics::{self, MetricsHandle},
    server::{self, Operations},
    shutdown::Shutdown,
};
use atelier_queue::Queue;
use atelier_scheduler::Work;
use atelier_services::{observers, periodic, recurring};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::exit::describe,
    wire::{self, Platform},
};

/// The interval at which a process synchronizes its clock with the database.
const CLOCK_INTERVAL: Duration = Duration::from_secs(30);

/// The time limit of a synchronization.
const CLOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an ending process waits for its messages to the other processes.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// A running process. In tests, several may run in one process.
pub struct Instance {
    platform: Platform,
    address: SocketAddr,
    url: String,
    shutdown: Shutdown,
    parts: JoinSet<(&'static str, anyhow::Result<()>)>,
    background: JoinSet<()>,
}

impl Instance {
    /// Starts a role, or all roles for [`Role::Embedded`]. When this returns, the instance
    /// listens. Dropping the instance stops it at once; [`Instance::finish`] drains it.
    pub async fn start(mut settings: Settings, role: Role, shutdown: Shutdown) -> anyhow::Result<Self> {
        let has_api = matches!(role, Role::Embedded | Role::Api);
        let wanted = if has_api { settings.server.bind } else { settings.server.ops_bind };
        let listener =
            TcpListener::bind(wanted).await.with_context(|| format!("cannot listen on {wanted}"))?;
        let address = listener.local_addr().context("cannot read the bound address")?;
        if has_api {
            settings.server.bind = address;
        }
        let platform = wire::build(&settings, role).await?;
        if role == Role::Worker && settings.server.public_url.is_empty() {
            let start = settings.public_url(settings.server.bind);
            tracing::warn!("server.public_url is not set: links in mails and previews start with {start}");
        }
        let recorder = metrics::install(role.as_str()).context("cannot install the metrics recorder")?;
        wire::describe_metrics();
        let url = reachable_url(address);
        let (parts, background) = (JoinSet::new(), JoinSet::new());
        let mut instance = Self { platform, address, url, shutdown, parts, background };
        instance.start_background(recorder.clone());
        let operations = Operations::new(recorder, instance.platform.checks(), instance.shutdown.clone());
        if has_api {
            instance.start_api(listener, operations);
        } else {
            tracing::info!(%address, "metrics and probes");
            let limits = wire::connection_limits(&instance.platform.settings);
            instance.background.spawn(server::serve(listener, operations, limits));
        }
        if matches!(role, Role::Embedded | Role::Worker) {
            instance.start_worker();
        }
        if matches!(role, Role::Embedded | Role::Scheduler) {
            instance.start_scheduler();
        }
        Ok(instance)
    }

    /// Its platform.
    #[must_use]
    pub const fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The address of the API, or without an API of metrics and probes.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a URL for this machine, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the drain begins, and then until every role has ended, at most for the
    /// grace period. A role that ends before the drain begins it, and is an error.
    pub async fn finish(mut self) -> anyhow::Result<()> {
        let shutdown = self.shutdown.clone();
        let (parts, queue) = (&mut self.parts, self.platform.queue.clone());
        let ended = shutdown.run_until_drained(async {
            let outcome = wait_for_all(parts, &shutdown).await;
            if !queue.flush(FLUSH_TIMEOUT).await {
                tracing::debug!("not every message was sent; the other processes poll for the changes");
            }
            outcome
        });
        let ended = ended.await;
        self.background.shutdown().await;
        match ended {
            Ok(outcome) => outcome,
            Err(exceeded) => {
                tracing::warn!("{exceeded}; other workers take over the jobs");
                Ok(())
            }
        }
    }

    fn start_background(&mut self, recorder: MetricsHandle) {
        let never = CancellationToken::new();
        self.background.spawn(async move { recorder.run_upkeep(never).await });
        self.background.spawn(sync_clock(self.platform.queue.clone()));
    }

    fn start_api(&mut self, listener: TcpListener, operations: Operations) {
        let Platform { services, limiter, settings, .. } = self.platform.clone();
        let options = wire::api_options(&settings);
        let state = ApiState::new(services, limiter, options, operations, self.shutdown.clone());
        self.parts.spawn(async move {
            atelier_api::serve(listener, state).await;
            ("API", Ok(()))
        });
    }

    fn start_worker(&mut self) {
        let services = self.platform.services.clone();
        let options = wire::worker_options(&self.platform.settings);
        let token = self.shutdown.token();
        self.parts.spawn(async move {
            let ended = atelier_worker::run(&services, options, token).await;
            ("worker", ended.map_err(anyhow::Error::from))
        });
    }

    fn start_scheduler(&mut self) {
        let queue = self.platform.queue.clone();
        let options = wire::scheduler_options(&self.platform.settings);
        let token = self.shutdown.token();
        self.parts.spawn(async move {
            let work = Work { recurring: recurring(), observers: observers(), periodic: periodic() };
            atelier_scheduler::run(queue, work, options, token).await;
            ("scheduler", Ok(()))
        });
    }
}

async fn wait_for_all(
    parts: &mut JoinSet<(&'static str, anyhow::Result<()>)>,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    while let Some(joined) = parts.join_next().await {
        let (name, ended) = joined.unwrap_or_else(|error| ("role", Err(error.into())));
        let fault = match ended {
            Ok(()) if shutdown.is_draining() => continue,
            Ok(()) => anyhow!("the {name} ended by itself"),
            Err(error) => error.context(format!("the {name} failed")),
        };
        tracing::error!(error = describe(&fault), "a role ended");
        shutdown.start();
        outcome = outcome.and(Err(fault));
    }
    outcome
}

async fn sync_clock(queue: Queue) {
    let mut interval = tokio::time::interval(CLOCK_INTERVAL);
    loop {
        interval.tick().await;
        match tokio::time::timeout(CLOCK_TIMEOUT, queue.clock().follow(queue.db())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "cannot read the clock of the database"),
            Err(_late) => tracing::debug!("cannot read the clock of the database in time"),
        }
    }
}

fn reachable_url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_can_be_opened_on_this_machine() {
        for (address, url) in [
            ("0.0.0.0:8001", "http://127.0.0.1:8001"),
            ("[::]:8001", "http://[::1]:8001"),
            ("10.0.0.1:80", "http://10.0.0.1:80"),
        ] {
            assert_eq!(reachable_url(address.parse().expect("an address")), url);
        }
    }

    #[tokio::test]
    async fn a_role_that_ends_by_itself_begins_the_drain() {
        let shutdown = Shutdown::new(Duration::from_secs(5));
        let mut parts = JoinSet::new();
        parts.spawn(async { ("worker", Ok(())) });
        let token = shutdown.token();
        parts.spawn(async move {
            token.cancelled().await;
            ("scheduler", Ok(()))
        });

        let outcome = wait_for_all(&mut parts, &shutdown).await;

        assert!(shutdown.is_draining());
        assert_eq!(outcome.expect_err("a fault").to_string(), "the worker ended by itself");
    }
}
