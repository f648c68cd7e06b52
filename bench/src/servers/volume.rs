//! Small file systems in memory that can be filled on demand. They are mounted in a mount
//! namespace of this program's own: other processes do not see them, and they disappear
//! with the last process of the namespace.

use std::{
    ffi::OsString,
    io,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::time;

use super::{mounts::unmount, reaper::Reaper};

/// Argument of this program that says that it runs in a mount namespace of its own.
pub(crate) const OWN_MOUNTS: &str = "--own-mounts";

/// Capacity of a volume. Only its contents use memory.
const CAPACITY: &str = "2g";

/// Tries to fill a volume while other processes write to it.
const TRIES: usize = 50;

/// The rights with which a mount namespace is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MountRights {
    /// The rights of this program.
    Own,
    /// The rights of root in a user namespace, in which no other users exist.
    UserNamespace,
}

impl MountRights {
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Own => &["--mount"],
            Self::UserNamespace => &["--user", "--map-root-user", "--mount"],
        }
    }
}

/// Restarts this program in a mount namespace of its own, in the same process. Returns
/// where that is not permitted or fails.
pub(crate) fn restart_with_own_mounts(rights: &[MountRights]) -> io::Result<()> {
    for right in rights {
        let mut attempt = Command::new("unshare");
        let anywhere = std::env::temp_dir();
        attempt.args(right.arguments()).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(anywhere);
        attempt.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if attempt.status().is_ok_and(|status| status.success()) {
            let mut command = Command::new("unshare");
            command.args(right.arguments()).arg("--").arg(std::env::current_exe()?);
            let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
            return Err(command.args(arguments).arg(OWN_MOUNTS).exec());
        }
    }
    Ok(())
}

/// A file system in memory, unmounted when it is dropped.
#[derive(Debug)]
pub(crate) struct Volume {
    folder: PathBuf,
}

impl Volume {
    /// Mounts one on this folder. The program must run in a mount namespace of its own.
    pub(crate) fn mount(folder: &Path, owner: Option<(u32, u32)>, reaper: &Reaper) -> anyhow::Result<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={CAPACITY},mode=0700"), "tmpfs"]).arg(folder);
        run(&mut command)?;
        reaper.track_mount(folder);
        let volume = Self { folder: folder.to_owned() };
        if let Some((user, group)) = owner {
            chown(folder, Some(user), Some(group))?;
        }
        Ok(volume)
    }

    /// Reduces its capacity to its present contents.
    pub(crate) async fn fill(&self) -> anyhow::Result<()> {
        for _ in 0..TRIES {
            // The resize fails where its contents have grown meanwhile.
            if self.resize(&format!("{}k", self.used_kib()?)).is_ok() {
                return Ok(());
            }
            time::sleep(Duration::from_millis(10)).await;
        }
        bail!("cannot fill {}", self.folder.display())
    }

    /// Restores its capacity.
    pub(crate) fn restore(&self) -> anyhow::Result<()> {
        self.resize(CAPACITY)
    }

    fn resize(&self, size: &str) -> anyhow::Result<()> {
        run(Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(&self.folder))
    }

    fn used_kib(&self) -> anyhow::Result<u64> {
        let output = Command::new("df").args(["-k", "-P"]).arg(&self.folder).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let used = text.lines().nth(1).and_then(|line| line.split_whitespace().nth(2));
        used.and_then(|used| used.parse().ok()).with_context(|| format!("df says {text:?}"))
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if let Err(error) = run(&mut unmount(&self.folder)) {
            tracing::debug!("not unmounted: {error:#}");
        }
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
