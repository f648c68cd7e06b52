//! Restarts processes whenever they end, as a supervisor in production does.

use std::{
    fs::OpenOptions,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use tokio::{
    process::{Child, Command},
    sync::watch,
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::servers::reaper::{self, Reaper};

/// Delay before a process is started again.
const RESTART_AFTER: Duration = Duration::from_millis(500);

/// How long a process may take to shut down.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// How to start a process.
#[derive(Clone, Debug)]
pub(super) struct ProcessSpec {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) args: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) log: PathBuf,
}

/// A process that is restarted whenever it ends.
#[derive(Clone, Debug)]
pub(super) struct SupervisedProcess {
    name: String,
    pid: watch::Receiver<Option<u32>>,
    starts: Arc<AtomicU64>,
}

impl SupervisedProcess {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its process id; none while it is down.
    pub(super) fn pid(&self) -> Option<u32> {
        *self.pid.borrow()
    }

    /// How often it was started.
    pub(super) fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    /// Sends it a signal, named without SIG. Returns the process id that got it.
    pub(super) async fn signal(&self, signal: &str) -> Option<u32> {
        let pid = self.pid()?;
        send(signal, pid).await.then_some(pid)
    }
}

/// Sends a signal to a process; false where it is gone.
pub(super) async fn send(signal: &str, pid: u32) -> bool {
    let sent = Command::from(reaper::kill(signal, &pid.to_string())).status().await;
    sent.is_ok_and(|status| status.success())
}

/// Supervises processes.
#[derive(Debug)]
pub(super) struct Supervisor {
    reaper: Reaper,
    stop: CancellationToken,
    restart_loops: TaskTracker,
}

impl Supervisor {
    pub(super) fn new(reaper: Reaper) -> Self {
        Self { reaper, stop: CancellationToken::new(), restart_loops: TaskTracker::new() }
    }

    /// Starts a process and restarts it whenever it ends.
    pub(super) fn start(&self, spec: ProcessSpec) -> anyhow::Result<SupervisedProcess> {
        let first = spawn(&spec)?;
        let (pid, current) = watch::channel(first.id());
        let starts = Arc::new(AtomicU64::new(1));
        let process = SupervisedProcess { name: spec.name.clone(), pid: current, starts: starts.clone() };
        let restart_loop =
            RestartLoop { spec, pid, starts, reaper: self.reaper.clone(), stop: self.stop.clone() };
        self.restart_loops.spawn(restart_loop.keep(first));
        Ok(process)
    }

    /// Stops all processes and returns once they have ended.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.restart_loops.close();
        self.restart_loops.wait().await;
    }
}

struct RestartLoop {
    spec: ProcessSpec,
    pid: watch::Sender<Option<u32>>,
    starts: Arc<AtomicU64>,
    reaper: Reaper,
    stop: CancellationToken,
}

impl RestartLoop {
    async fn keep(self, first: Child) {
        let mut process = Some(first);
        while let Some(running) = process.take() {
            let pid = running.id();
            pid.inspect(|pid| self.reaper.track(*pid));
            self.pid.send_replace(pid);
            let stopped = self.watch(running).await;
            self.pid.send_replace(None);
            pid.inspect(|pid| self.reaper.untrack(*pid));
            if stopped {
                return;
            }
            process = self.again().await;
        }
    }

    /// Waits until the process has ended; true where the supervisor stopped it.
    async fn watch(&self, mut process: Child) -> bool {
        tokio::select! {
            ended = process.wait() => {
                tracing::debug!(name = self.spec.name, ?ended, "ended");
                false
            }
            () = self.stop.cancelled() => {
                if let Some(pid) = process.id() {
                    send("CONT", pid).await;
                    send("TERM", pid).await;
                }
                if time::timeout(STOP_LIMIT, process.wait()).await.is_err() {
                    let _gone = process.kill().await;
                }
                true
            }
        }
    }

    /// The next process; none once the supervisor stops.
    async fn again(&self) -> Option<Child> {
        loop {
            tokio::select! {
                () = time::sleep(RESTART_AFTER) => {}
                () = self.stop.cancelled() => return None,
            }
            match spawn(&self.spec) {
                Ok(process) => {
                    self.starts.fetch_add(1, Ordering::Relaxed);
                    return Some(process);
                }
                Err(error) => {
                    tracing::warn!(name = self.spec.name, "a process was not started again: {error:#}")
                }
            }
        }
    }
}

fn spawn(spec: &ProcessSpec) -> anyhow::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).open(&spec.log).context("cannot write a log")?;
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.args)
        .envs(spec.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true);
    command.spawn().with_context(|| format!("cannot start {}", spec.program.display()))
}
