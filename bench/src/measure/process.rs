//! Processes of a measurement.

use std::{
    fs::File,
    net::SocketAddr,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use secrecy::ExposeSecret;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time,
};

use super::{
    procfs::{self, Cost},
    testbed::{RunDatabase, Testbed},
};
use crate::servers::reaper::{self, Reaper};

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(10);

const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long a process may take to shut down.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A process that ends no later than the measurement.
pub(super) struct Process {
    child: Child,
    pid: u32,
    reaper: Reaper,
}

impl Process {
    /// Starts it; its output goes to the log of that name in the scratch folder.
    pub(super) fn start(testbed: &Testbed, mut command: Command, log: &str) -> anyhow::Result<Self> {
        let log = File::options().create(true).append(true).open(testbed.scratch.log(log))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.process_group(0).kill_on_drop(true);
        let child = command.spawn().context("cannot start a process")?;
        let pid = child.id().context("a process ended at once")?;
        testbed.reaper.track(pid);
        Ok(Self { child, pid, reaper: testbed.reaper.clone() })
    }

    pub(super) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Its cost so far.
    pub(super) fn cost(&self) -> Cost {
        procfs::cost(self.pid)
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Shuts it down; kills it where that takes too long.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        Command::from(reaper::kill("TERM", &self.pid.to_string())).status().await?;
        if time::timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        self.reaper.untrack(self.pid);
        Ok(())
    }
}

/// Waits until a server takes connections.
pub(super) async fn await_listener(address: SocketAddr) -> anyhow::Result<()> {
    let begun = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        ensure!(begun.elapsed() < START_LIMIT, "nobody listens at {address}");
        time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// A command that starts this program with those arguments.
pub(super) fn this_program(args: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("cannot tell this program's path")?);
    command.args(args);
    Ok(command)
}

/// Starts this program as a worker on that database, with its slots spread over the first
/// queues.
pub(super) fn start_worker(
    testbed: &Testbed,
    database: &RunDatabase,
    queues: u8,
    concurrency: usize,
) -> anyhow::Result<Process> {
    let (queues, concurrency) = (queues.to_string(), concurrency.to_string());
    let mut command = this_program(&["worker", "--queues", &queues, "--concurrency", &concurrency])?;
    command.env("ATELIER_BENCH_DATABASE_URL", database.database_url.expose_secret());
    command.env("ATELIER_BENCH_REDIS_URL", database.redis_url.expose_secret());
    Process::start(testbed, command, "workers")
}
