//! Cleans up after a run that was killed: a separate process that notices the end of the
//! run, kills the run's processes and removes its folder.

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

/// Arguments of the reaper.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReaperArgs {
    /// Folder to remove.
    #[arg(long)]
    folder: PathBuf,
    /// Keeps the folder.
    #[arg(long)]
    keep: bool,
}

/// The run's handle of the reaper, which is told what to clean up.
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
    /// Starts it for this scratch folder.
    pub(crate) fn start(folder: &Path, keep: bool) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot tell this program's path")?;
        let mut command = Command::new(program);
        command.arg("reaper").arg("--folder").arg(folder).args(keep.then_some("--keep"));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut process = command.spawn().context("cannot start the reaper")?;
        let line = process.stdin.take();
        Ok(Self { inner: Arc::new(Mutex::new(Inner { process, line })) })
    }

    /// Adds a process that must not outlive the run.
    pub(crate) fn track(&self, pid: u32) {
        self.send(&format!("track {pid}"));
    }

    /// Removes a process that has ended.
    pub(crate) fn untrack(&self, pid: u32) {
        self.send(&format!("untrack {pid}"));
    }

    /// Adds a file whose first line is the id of a process that must not outlive the run.
    pub(crate) fn track_pid_file(&self, file: &Path) {
        self.send(&format!("file {}", file.display()));
    }

    /// Adds a mount point.
    pub(crate) fn track_mount(&self, folder: &Path) {
        self.send(&format!("mount {}", folder.display()));
    }

    /// Ends the reaper, after the run has cleaned up by itself.
    pub(crate) fn dismiss(&self) {
        self.send("done");
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.line = None;
        if let Err(error) = inner.process.wait() {
            tracing::debug!(%error, "the reaper has ended");
        }
    }

    fn send(&self, text: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(line) = inner.line.as_mut() else { return };
        if let Err(error) = writeln!(line, "{text}").and_then(|()| line.flush()) {
            tracing::debug!(%error, "the reaper does not answer");
        }
    }
}

/// The reaper itself: waits until the run is finished or has been killed.
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
        // A process that has ended meanwhile is not an error.
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

/// A command that sends a signal. The shell's `kill` is available everywhere.
pub(crate) fn kill(signal: &str, pid: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "kill -\"$0\" \"$1\"", signal, pid]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
