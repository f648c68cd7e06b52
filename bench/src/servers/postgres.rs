//! A PostgreSQL server of the run.

use std::{
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    process::Command,
    time::{self, Instant},
};

use super::{
    programs::Programs,
    scratch::{self, Scratch},
};

mod standby;

/// How it shuts down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopMode {
    /// Closes connections and makes a checkpoint.
    Fast,
    /// Stops without a checkpoint: it recovers from its log when it starts again.
    Immediate,
}

/// How long a failed restart is repeated.
const RESTART_LIMIT: Duration = Duration::from_secs(20);

/// Lines of its log in error messages.
const LAST_BYTES: usize = 1_500;

impl StopMode {
    const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

/// A server with a cluster of its own.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    programs: Programs,
    home: PathBuf,
    data: PathBuf,
    log: PathBuf,
    port: u16,
    password: String,
    settings: String,
}

/// Settings that differ from PostgreSQL's defaults. Durability is as in production: fsync
/// and synchronous commits are on.
const SETTINGS: &str = "\
listen_addresses = '127.0.0.1'
max_connections = 500
shared_buffers = 64MB
log_line_prefix = '%m [%p] '
";

impl Postgres {
    /// Creates a cluster in the scratch folder and starts it. Lines of `settings` override
    /// the others.
    pub(crate) async fn start(
        programs: &Programs,
        scratch: &Scratch,
        settings: &str,
    ) -> anyhow::Result<Self> {
        let data = scratch.folder("postgres")?.join("data");
        Self::start_at(programs, scratch, settings, data).await
    }

    /// The same with its data in a folder that does not exist yet, whose parent its owner may
    /// write to. The write-ahead log stays in the scratch folder.
    pub(crate) async fn start_at(
        programs: &Programs,
        scratch: &Scratch,
        settings: &str,
        data: PathBuf,
    ) -> anyhow::Result<Self> {
        let home = scratch.folder("postgres")?;
        let port = scratch::free_port()?;
        let password = uuid::Uuid::new_v4().simple().to_string();
        std::fs::write(home.join("password"), &password)?;
        if let Some((user, group)) = programs.postgres_owner {
            chown(&home, Some(user), Some(group))?;
            chown(home.join("password"), Some(user), Some(group))?;
        }
        let log = home.join("log");
        let (programs, settings) = (programs.clone(), settings.to_owned());
        let server = Self { programs, home, data, log, port, password, settings };
        server.initialise().await?;
        server.control(&["start"]).await?;
        Ok(server)
    }

    /// The file with its process id.
    pub(crate) fn pid_file(&self) -> PathBuf {
        self.data.join("postmaster.pid")
    }

    /// The id of its main process.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        let text = std::fs::read_to_string(self.pid_file()).context("PostgreSQL is not running")?;
        text.lines().next().unwrap_or_default().trim().parse().context("PostgreSQL reports no process id")
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database, by the server's own port or by a proxy's.
    pub(crate) fn url(&self, port: u16, database: &str) -> String {
        format!("postgres://atelier:{}@127.0.0.1:{port}/{database}", self.password)
    }

    /// Stops and starts it. Returns once it answers again. A start is repeated where it finds
    /// remains of the previous one, such as shared memory.
    pub(crate) async fn restart(&self, mode: StopMode) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            match self.control(&["restart", "-m", mode.name()]).await {
                Err(error) if begun.elapsed() < RESTART_LIMIT => {
                    tracing::warn!("the start of PostgreSQL is repeated: {error:#}");
                    time::sleep(Duration::from_millis(200)).await;
                }
                done => return done,
            }
        }
    }

    /// Stops it at once; does nothing where it is not running.
    pub(crate) async fn stop(&self) -> anyhow::Result<()> {
        // The exit status is not 0 where no server runs on this folder.
        if self.control(&["status"]).await.is_err() {
            return Ok(());
        }
        self.control(&["stop", "-m", StopMode::Immediate.name()]).await
    }

    /// Starts it where it is not running.
    pub(crate) async fn ensure_started(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            if self.control(&["status"]).await.is_ok() {
                return Ok(());
            }
            match self.control(&["start"]).await {
                Err(_) if begun.elapsed() < RESTART_LIMIT => time::sleep(Duration::from_millis(200)).await,
                done => return done,
            }
        }
    }

    /// Where its write-ahead log is.
    fn log_folder(&self) -> PathBuf {
        let name = self.data.file_name().unwrap_or_default().to_string_lossy();
        self.home.join(format!("wal-{name}"))
    }

    async fn initialise(&self) -> anyhow::Result<()> {
        let (data, password) = (&self.data, self.home.join("password"));
        let mut command = self.command("initdb");
        // Not SCRAM: its many hashes take seconds in a build for tests, and every
        // process signs in anew after a restart.
        command.args(["-U", "atelier", "-A", "password", "-E", "UTF8", "--locale=C", "--no-sync"]);
        command.arg("-D").arg(data).arg("--pwfile").arg(password).arg("--waldir").arg(self.log_folder());
        let output = command.output().await.context("cannot run initdb")?;
        if !output.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let settings = data.join("postgresql.conf");
        let defaults = std::fs::read_to_string(&settings)?;
        let socket = format!("unix_socket_directories = '{}'\n", self.home.display());
        std::fs::write(
            settings,
            format!("{defaults}{SETTINGS}{}{socket}port = {}\n", self.settings, self.port),
        )?;
        Ok(())
    }

    async fn control(&self, args: &[&str]) -> anyhow::Result<()> {
        let mut command = self.command("pg_ctl");
        command.arg("-D").arg(&self.data).arg("-l").arg(&self.log).args(["-w", "-t", "60"]).args(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().await.context("cannot run pg_ctl")?;
        if !status.success() {
            bail!("pg_ctl {} failed with {status}: {}", args.join(" "), self.last_lines());
        }
        Ok(())
    }

    /// The last lines of its log.
    fn last_lines(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let end = log.len().saturating_sub(LAST_BYTES);
        String::from_utf8_lossy(&log[end..]).into_owned()
    }

    fn command(&self, program: &str) -> Command {
        self.command_of(&self.programs.postgres_bin.join(program))
    }

    /// A command that runs as the server's owner.
    fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(Path::new(&self.home)).stdin(Stdio::null()).process_group(0);
        if let Some((user, group)) = self.programs.postgres_owner {
            command.uid(user).gid(group);
        }
        command
    }
}
