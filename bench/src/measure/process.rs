//! Worker processes of a measurement, and what they cost.

use std::{fs::File, process::Stdio, time::Duration};

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio::{
    process::{Child, Command},
    time,
};

use super::stage::{Ground, Stage};
use crate::servers::warden::{self, Warden};

/// Clock ticks of a second in `/proc`, on every Linux.
const TICKS: f64 = 100.0;

/// How long a worker may take to end in good order.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A worker process.
pub(super) struct WorkerProcess {
    child: Child,
    pid: u32,
    warden: Warden,
}

/// What a process has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// Seconds of a core, in it and in the system on its behalf.
    pub(super) cpu_secs: f64,
    /// Most memory that it had at a time.
    pub(super) peak_mib: f64,
}

impl WorkerProcess {
    /// Starts this program as a worker on that ground.
    pub(super) fn start(
        stage: &Stage,
        ground: &Ground,
        queues: u8,
        concurrency: usize,
    ) -> anyhow::Result<Self> {
        let log = File::options().create(true).append(true).open(stage.scratch.log("workers"))?;
        let mut command = Command::new(std::env::current_exe().context("cannot tell this program's path")?);
        command.arg("worker").args(["--queues", &queues.to_string()]);
        command.args(["--concurrency", &concurrency.to_string()]);
        command.env("ATELIER_BENCH_DATABASE_URL", ground.database_url.expose_secret());
        command.env("ATELIER_BENCH_REDIS_URL", ground.redis_url.expose_secret());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0).kill_on_drop(true);
        let child = command.spawn().context("cannot start a worker")?;
        let pid = child.id().context("the worker ended at once")?;
        stage.warden.note(pid);
        Ok(Self { child, pid, warden: stage.warden.clone() })
    }

    /// What it has cost; nothing where the system does not tell.
    pub(super) fn cost(&self) -> Cost {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", self.pid));
        let (stat, status) = (read("stat").unwrap_or_default(), read("status").unwrap_or_default());
        parse(&stat, &status).unwrap_or_default()
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it in good order, or else at once.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        Command::from(warden::kill("TERM", &self.pid.to_string())).status().await?;
        if time::timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        self.warden.forget(self.pid);
        Ok(())
    }
}

fn parse(stat: &str, status: &str) -> Option<Cost> {
    // The name before the last bracket may hold anything; times are the 14th and 15th
    // field of all, the 12th and 13th after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<f64>().ok()?, fields.next()?.parse::<f64>().ok()?);
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = peak.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(Cost { cpu_secs: (user + system) / TICKS, peak_mib: kib / 1024.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_process_cost() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 5 0 1000 1 1";
        let status = "Name:\tx\nVmHWM:\t   40960 kB\nVmRSS:\t 1 kB\n";

        assert_eq!(parse(stat, status), Some(Cost { cpu_secs: 2.0, peak_mib: 40.0 }));
        assert_eq!(parse("", status), None);
    }
}
