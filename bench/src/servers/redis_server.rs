//! A Redis server of the run. It keeps an append-only file, so that it can be restarted with
//! or without its data.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, bail};
use tokio::{
    process::{Child, Command},
    time::{self, Instant},
};

use super::{
    programs::Programs,
    reaper::Reaper,
    scratch::{self, Scratch},
};

/// How long its start may take.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A server that is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct RedisServer {
    program: PathBuf,
    home: PathBuf,
    port: u16,
    password: String,
    process: Option<Child>,
    reaper: Reaper,
}

impl RedisServer {
    /// Starts a server in the scratch folder.
    pub(crate) async fn start(
        programs: &Programs,
        scratch: &Scratch,
        reaper: &Reaper,
    ) -> anyhow::Result<Self> {
        let mut server = Self {
            program: programs.redis_server.clone(),
            home: scratch.folder("redis")?,
            port: scratch::free_port()?,
            password: uuid::Uuid::new_v4().simple().to_string(),
            process: None,
            reaper: reaper.clone(),
        };
        server.spawn().await?;
        Ok(server)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, by its own port or by a proxy's.
    pub(crate) fn url(&self, port: u16) -> String {
        format!("redis://:{}@127.0.0.1:{port}", self.password)
    }

    /// Kills it.
    pub(crate) async fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let pid = process.id();
            if let Err(error) = process.kill().await {
                tracing::debug!(%error, "Redis had ended already");
            }
            if let Some(pid) = pid {
                self.reaper.untrack(pid);
            }
        }
    }

    /// Starts it again, with or without its data.
    pub(crate) async fn start_again(&mut self, with_data: bool) -> anyhow::Result<()> {
        if !with_data {
            let kept = self.home.join("appendonlydir");
            if kept.exists() {
                std::fs::remove_dir_all(&kept).context("cannot remove Redis's data")?;
            }
        }
        self.spawn().await
    }

    /// Empties it.
    pub(crate) async fn flush(&self) -> anyhow::Result<()> {
        self.command(&["FLUSHALL"]).await
    }

    /// Sets or removes a memory limit that refuses every write.
    pub(crate) async fn set_full(&self, full: bool) -> anyhow::Result<()> {
        let most = if full { "1" } else { "0" };
        self.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", most]).await
    }

    /// Makes it a read-only replica of an unreachable server, or a primary again.
    pub(crate) async fn set_readonly(&self, readonly: bool) -> anyhow::Result<()> {
        let (host, port) = if readonly { ("127.0.0.1", "1") } else { ("NO", "ONE") };
        self.command(&["REPLICAOF", host, port]).await
    }

    /// Forbids or allows all keys and channels.
    pub(crate) async fn set_forbidden(&self, forbidden: bool) -> anyhow::Result<()> {
        let rules: &[&str] = if forbidden {
            &["resetkeys", "~nothing:*", "resetchannels"]
        } else {
            &["allkeys", "allchannels"]
        };
        self.command(&[&["ACL", "SETUSER", "default"], rules].concat()).await
    }

    async fn command(&self, words: &[&str]) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        command.exec_async(&mut connection).await.with_context(|| format!("{} failed", words.join(" ")))
    }

    /// Its process id; none while it is down.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Child::id)
    }

    /// The output of INFO.
    pub(crate) async fn info(&self) -> anyhow::Result<String> {
        let mut connection = self.connect().await?;
        redis::cmd("INFO").query_async(&mut connection).await.context("INFO failed")
    }

    /// Commands a second that it served during that time, without those of this function.
    pub(crate) async fn count_commands(&self, during: Duration) -> anyhow::Result<f64> {
        let mut connection = self.connect().await?;
        let (before, begun) = (commands_served(&mut connection).await?, Instant::now());
        time::sleep(during).await;
        let after = commands_served(&mut connection).await?;
        Ok((after - before - 1.0).max(0.0) / begun.elapsed().as_secs_f64())
    }

    async fn spawn(&mut self) -> anyhow::Result<()> {
        let settings = self.home.join("redis.conf");
        let text = format!(
            "bind 127.0.0.1\nport {}\nrequirepass {}\nsave \"\"\nappendonly yes\nappendfsync everysec\ndir {}\nlogfile {}\n",
            self.port,
            self.password,
            self.home.display(),
            self.home.join("log").display(),
        );
        std::fs::write(&settings, text)?;
        let mut command = Command::new(&self.program);
        command.arg(settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process =
            command.process_group(0).kill_on_drop(true).spawn().context("cannot run redis-server")?;
        if let Some(pid) = process.id() {
            self.reaper.track(pid);
        }
        self.process = Some(process);
        let begun = Instant::now();
        while let Err(error) = self.ping().await {
            if begun.elapsed() > START_LIMIT {
                bail!("Redis did not start: {error:#}");
            }
            time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn ping(&self) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        Ok(redis::cmd("PING").exec_async(&mut connection).await?)
    }

    async fn connect(&self) -> anyhow::Result<redis::aio::MultiplexedConnection> {
        let client = redis::Client::open(self.url(self.port))?;
        let connection = time::timeout(Duration::from_secs(2), client.get_multiplexed_async_connection());
        Ok(connection.await.context("Redis does not answer")??)
    }
}

async fn commands_served(connection: &mut redis::aio::MultiplexedConnection) -> anyhow::Result<f64> {
    let info: String = redis::cmd("INFO").arg("stats").query_async(connection).await?;
    let count = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
    Ok(count.context("Redis reports no number of commands")?.trim().parse()?)
}
