//! Locations of PostgreSQL and Redis on this machine, and the user who may run them.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, bail};
use tokio::process::Command;

/// Locations that were given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// Folder of initdb, pg_ctl and postgres.
    pub(crate) postgres_bin: Option<PathBuf>,
    /// redis-server.
    pub(crate) redis_server: Option<PathBuf>,
}

/// The programs of a run.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// Folder of initdb, pg_ctl and postgres.
    pub(crate) postgres_bin: PathBuf,
    /// redis-server.
    pub(crate) redis_server: PathBuf,
    /// User and group that PostgreSQL runs as, where this program runs as root, which
    /// PostgreSQL refuses.
    pub(crate) postgres_owner: Option<(u32, u32)>,
    /// PostgreSQL's version line.
    pub(crate) postgres_version: String,
    /// Redis's version line.
    pub(crate) redis_version: String,
}

impl Programs {
    /// The programs at the given locations, or else those that `scripts/services` finds.
    pub(crate) async fn locate(places: Places) -> anyhow::Result<Self> {
        let (postgres_bin, redis_server) = match (places.postgres_bin, places.redis_server) {
            (Some(postgres), Some(redis)) => (postgres, redis),
            (postgres, redis) => {
                let found = ask_script().await?;
                (postgres.unwrap_or(found.0), redis.unwrap_or(found.1))
            }
        };
        let postgres_version = output(&postgres_bin.join("postgres"), &["--version"]).await?;
        let redis_version = output(&redis_server, &["--version"]).await?;
        let redis_version = redis_version.split(" sha=").next().unwrap_or_default().to_owned();
        let postgres_owner = postgres_owner().await?;
        Ok(Self { postgres_bin, redis_server, postgres_owner, postgres_version, redis_version })
    }
}

impl Programs {
    /// pg_basebackup, which may be installed only beside the server's real binary.
    pub(crate) fn find_basebackup(&self) -> Option<PathBuf> {
        let real = self.postgres_bin.join("postgres").canonicalize().ok();
        let beside = real.and_then(|program| program.parent().map(Path::to_path_buf));
        let folders = [Some(self.postgres_bin.clone()), beside].into_iter().flatten();
        folders.map(|folder| folder.join("pg_basebackup")).find(|program| program.is_file())
    }
}

/// The script of the repository that this program was built in or is run in.
fn script() -> anyhow::Result<PathBuf> {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
    let here = PathBuf::from("scripts/services");
    [here, built_in].into_iter().find(|path| path.is_file()).context(
        "scripts/services is not there to find PostgreSQL and Redis: give --postgres-bin and --redis-server",
    )
}

/// The library that sets the clock of a process, where it is available.
pub(crate) async fn find_faketime() -> Option<PathBuf> {
    let path = PathBuf::from(output(&script().ok()?, &["faketime"]).await.ok()?);
    path.is_file().then_some(path)
}

async fn ask_script() -> anyhow::Result<(PathBuf, PathBuf)> {
    let answer = output(&script()?, &["locate"]).await?;
    let find = |name: &str| {
        let value = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.map(PathBuf::from).with_context(|| format!("scripts/services locate names no {name}"))
    };
    Ok((find("postgres_bin")?, find("redis_server")?))
}

async fn postgres_owner() -> anyhow::Result<Option<(u32, u32)>> {
    if number(&["-u"]).await? != 0 {
        return Ok(None);
    }
    for user in ["postgres", "nobody"] {
        if let (Ok(uid), Ok(gid)) = (number(&["-u", user]).await, number(&["-g", user]).await) {
            return Ok(Some((uid, gid)));
        }
    }
    bail!("PostgreSQL cannot run as root, and there is no user postgres or nobody")
}

async fn number(args: &[&str]) -> anyhow::Result<u32> {
    output(Path::new("id"), args).await?.parse().context("id printed no number")
}

async fn output(program: &Path, args: &[&str]) -> anyhow::Result<String> {
    let run = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = run.await.with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        bail!("{} {} failed: {}", program.display(), args.join(" "), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
