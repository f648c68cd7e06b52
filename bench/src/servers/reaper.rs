//! Cleans up where the run itself cannot: a process of its own that notices when the
//! run is killed, and ends everything the run had started.

use std::{
    collections::BTreeSet,
    io::{BufRead, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitCode, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use clap::Args;

use super::mounts;

/// What the reaper is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReaperArgs {
    /// Folder to remove.
    #[arg(long)]
    folder: PathBuf,
    /// Leaves the folder where it is.
    #[arg(long)]
    keep: bool,
}

/// The run's end of the reaper. It is told which processes there are.
#[derive(Clone, Debug)]
pub(crate) struct Reaper {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    process: Child,
    line: Option<ChildStdin>,
}

impl Reaper {
    /// Starts it, for this scratch folder.
    pub(crate) fn start(folder: &Path, keep: bool) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot tell this program's path")?;
        let mut command = Command::new(program);
        command.arg("reaper").arg("--folder").arg(folder).args(keep.then_some("--keep"));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut process = command.spawn().context("cannot start the reaper")?;
        let line = process.stdin.take();
        Ok(Self { inner: Arc::new(Mutex::new(Inner { process, line })) })
    }

    /// A process that must not outlive the run.
    pub(crate) fn track(&self, pid: u32) {
        self.send(&format!("track {pid}"));
    }

    /// A process that has ended.
    pub(crate) fn untrack(&self, pid: u32) {
        self.send(&format!("untrack {pid}"));
    }

    /// A file whose first line is the id of a process that must not outlive the run.
    pub(crate) fn track_pid_file(&self, file: &Path) {
        self.send(&format!("file {}", file.display()));
    }

    /// A folder that something is mounted on.
    pub(crate) fn track_mount(&self, folder: &Path) {
        self.send(&format!("mount {}", folder.display()));
    }

    /// The run has cleaned up by itself.
    pub(crate) fn dismiss(&self) {
        self.send("done");
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.line = None;
        if let Err(error) = inner.process.wait() {
            tracing::debug!(%error, "the reaper is gone");
        }
    }

    fn send(&self, text: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(line) = inner.line.as_mut() else { return };
        if let Err(error) = writeln!(line, "{text}").and_then(|()| line.flush()) {
            tracing::debug!(%error, "the reaper does not listen");
        }
    }
}

/// The reaper's own end: waits until the run says that it is done, or is gone.
pub(crate) fn run(args: &ReaperArgs) -> anyhow::Result<ExitCode> {
    let (mut pids, mut files, mut mounts) = (BTreeSet::new(), Vec::new(), Vec::new());
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match line.split_once(' ') {
            Some(("track", pid)) => drop(pids.insert(pid.to_owned())),
            Some(("untrack", pid)) => drop(pids.remove(pid)),
            Some(("file", file)) => files.push(file.to_owned()),
            Some(("mount", folder)) => mounts.push(folder.to_owned()),
            _ if line == "done" => return Ok(ExitCode::SUCCESS),
            _ => {}
        }
    }
    for file in files {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        pids.extend(text.lines().next().map(str::to_owned));
    }
    for pid in pids {
        // One that has ended meanwhile is no fault.
        let _ended = kill("KILL", &pid).status();
    }
    for folder in mounts {
        let _unmounted = mounts::unmount(Path::new(&folder)).status();
    }
    if !args.keep {
        std::fs::remove_dir_all(&args.folder)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The shell's own `kill`, which is everywhere.
pub(crate) fn kill(signal: &str, pid: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "kill -\"$0\" \"$1\"", signal, pid]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
