//! A standby that replicates a primary and can be promoted.

use std::{io::Write, path::PathBuf};

use anyhow::{Context, bail};

use super::Postgres;
use crate::servers::scratch;

impl Postgres {
    /// A standby of this server, with its data in a folder that does not exist yet.
    pub(crate) fn standby(&self, data: PathBuf) -> anyhow::Result<Self> {
        Ok(Self { data, port: scratch::free_port()?, ..self.clone() })
    }

    /// Copies the primary and starts replication. It is read-only until it is promoted.
    pub(crate) async fn follow(&self, primary: &Self) -> anyhow::Result<()> {
        let program = self.programs.find_basebackup().context("pg_basebackup is not installed")?;
        let mut command = self.command_of(&program);
        command.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
        command.args(["--host=127.0.0.1", "--username=atelier", "--port", &primary.port.to_string()]);
        command.arg("--pgdata").arg(&self.data).arg("--waldir").arg(self.log_folder());
        let output = command.env("PGPASSWORD", &self.password).output().await;
        let output = output.context("cannot run pg_basebackup")?;
        if !output.status.success() {
            bail!("pg_basebackup failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let settings = self.data.join("postgresql.conf");
        let mut settings = std::fs::OpenOptions::new().append(true).open(settings)?;
        writeln!(settings, "port = {}", self.port)?;
        self.control(&["start"]).await
    }

    /// Promotes it: it accepts writes from now on.
    pub(crate) async fn promote(&self) -> anyhow::Result<()> {
        self.control(&["promote"]).await
    }

    /// Removes the data of a stopped server.
    pub(crate) fn remove(&self) -> anyhow::Result<()> {
        std::fs::remove_dir_all(&self.data)?;
        Ok(std::fs::remove_dir_all(self.log_folder())?)
    }
}
