//! The time limit of operators' commands.

use std::time::Duration;

use anyhow::{anyhow, bail};
use atelier_config::Settings;
use clap::Args;
use tokio::time::{Instant, timeout, timeout_at};

use super::output::{format_duration, parse_duration};
use crate::wire::Platform;

/// The time limit of the probes after a timeout.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// The option `--timeout`.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct TimeoutArgs {
    /// Give up after this time, such as 10s or 2m.
    #[arg(long, global = true, value_name = "TIME", default_value = "30s", value_parser = nonzero_time)]
    timeout: Duration,
}

fn nonzero_time(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .and_then(|time| if time.is_zero() { Err("expected more than zero".to_owned()) } else { Ok(time) })
}

/// The time at which a command gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    bound: Duration,
}

impl TimeoutArgs {
    /// The deadline of a command that starts now.
    pub(crate) fn begin(self) -> Deadline {
        Deadline::after(self.timeout)
    }
}

impl Deadline {
    /// The deadline after this duration.
    pub(crate) fn after(bound: Duration) -> Self {
        Self { at: Instant::now() + bound, bound }
    }

    /// Connects before the deadline.
    ///
    /// # Errors
    /// If it fails, or the database is not reached in time.
    pub(crate) async fn connect<T>(
        self,
        settings: &Settings,
        connecting: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let Ok(connected) = timeout_at(self.at, connecting).await else {
            bail!("{} was not reached within {}", database(settings), format_duration(self.bound));
        };
        connected
    }

    /// Performs the work before the deadline.
    ///
    /// # Errors
    /// If it fails. After a timeout the error names the services that do not answer.
    pub(crate) async fn perform<T>(
        self,
        platform: &Platform,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let Ok(done) = timeout_at(self.at, work).await else {
            let bound = format_duration(self.bound);
            return Err(match find_unresponsive(platform).await {
                Some(silent) => anyhow!(
                    "no answer from {silent} within {bound}; check the result before you repeat the command"
                ),
                None => anyhow!("not finished within {bound}, although all services answer; raise --timeout"),
            });
        };
        done
    }
}

/// The services that do not answer now.
async fn find_unresponsive(platform: &Platform) -> Option<String> {
    let transport = platform.queue.transport();
    let (database_answers, transport_answers) =
        tokio::join!(timeout(PROBE_TIMEOUT, platform.db.ping()), timeout(PROBE_TIMEOUT, transport.ping()));
    let mut silent = Vec::new();
    if !matches!(database_answers, Ok(Ok(()))) {
        silent.push(database(&platform.settings));
    }
    if !matches!(transport_answers, Ok(Ok(()))) {
        silent.push("Redis".to_owned());
    }
    (!silent.is_empty()).then(|| silent.join(" and "))
}

fn database(settings: &Settings) -> String {
    format!("the database at {}", settings.database_location())
}
