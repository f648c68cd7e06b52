//! The scratch folder and the ports of a run.

use std::{
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use tempfile::TempDir;

/// Ports below the range that the system assigns by itself, so that a restarted server
/// finds its port free.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A folder that is removed with everything in it, unless it is kept.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
    keep: bool,
}

impl Scratch {
    /// A new folder under the system's temporary one. PostgreSQL may run as another
    /// user, who must be able to pass through it.
    pub(crate) fn create(prefix: &str, keep: bool) -> anyhow::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix).disable_cleanup(keep);
        let folder = builder.tempdir().context("cannot create a scratch folder")?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
        std::fs::create_dir(folder.path().join("logs"))?;
        Ok(Self { folder, keep })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Whether it is kept.
    pub(crate) const fn is_kept(&self) -> bool {
        self.keep
    }

    /// A folder in it, created where it does not exist.
    pub(crate) fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// The log file of that name.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.path().join("logs").join(format!("{name}.log"))
    }
}

/// A port of the loopback address that nobody listens on.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    for _ in 0..100 {
        let port = rand::random_range(PORTS);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("found no free port")
}
