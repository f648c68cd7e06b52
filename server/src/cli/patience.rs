//! How long operators wait, and what they are told then.

use std::time::Duration;

use anyhow::{anyhow, bail};
use atelier_config::Settings;
use clap::Args;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{brief, span};
use crate::wire::Platform;

/// How long it is asked who did not answer.
const PROBE: Duration = Duration::from_secs(1);

/// How long a command may take.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Wait no longer for an answer, such as 10s or 2m.
    #[arg(long, global = true, value_name = "TIME", default_value = "30s", value_parser = some_time)]
    timeout: Duration,
}

fn some_time(text: &str) -> Result<Duration, String> {
    span(text).and_then(|time| if time.is_zero() { Err("expected some time".to_owned()) } else { Ok(time) })
}

/// The moment at which a command gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    bound: Duration,
}

impl Patience {
    /// The deadline of a command that begins now.
    pub(crate) fn begin(self) -> Deadline {
        Deadline::after(self.timeout)
    }
}

impl Deadline {
    /// So long from now.
    pub(crate) fn after(bound: Duration) -> Self {
        Self { at: Instant::now() + bound, bound }
    }

    /// Connects in time, or says what was not reached.
    ///
    /// # Errors
    /// Where it fails or takes too long.
    pub(crate) async fn connect<T>(
        self,
        settings: &Settings,
        connecting: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let Ok(connected) = timeout_at(self.at, connecting).await else {
            bail!("{} was not reached within {}", database(settings), brief(self.bound));
        };
        connected
    }

    /// Does it in time, or says who did not answer.
    ///
    /// # Errors
    /// Where it fails or takes too long.
    pub(crate) async fn perform<T>(
        self,
        platform: &Platform,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let Ok(done) = timeout_at(self.at, work).await else {
            let bound = brief(self.bound);
            return Err(match find_silent(platform).await {
                Some(silent) => anyhow!("no answer from {silent} within {bound}; look before you repeat it"),
                None => anyhow!(
                    "not done within {bound}, though all that it needs answers; --timeout gives it longer"
                ),
            });
        };
        done
    }
}

/// Who does not answer at the moment.
async fn find_silent(platform: &Platform) -> Option<String> {
    let transport = platform.queue.transport();
    let (database_answers, transport_answers) =
        tokio::join!(timeout(PROBE, platform.db.ping()), timeout(PROBE, transport.ping()));
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
