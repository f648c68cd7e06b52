//! PostgreSQL of a run: a primary, and during a failover a standby that replaces it.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use atelier_foundation::database;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::time::{self, Instant};

use crate::{
    chaos::{proxy::Proxy, tables::statement},
    servers::{postgres::Postgres, programs::Programs, reaper::Reaper, scratch::Scratch, volume::Volume},
};

/// How long PostgreSQL may take for a statement of the run's own.
const LIMIT: Duration = Duration::from_secs(30);

/// How long a standby may take to catch up.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);

/// How long the standby is synchronous before the primary dies.
const IN_STEP: Duration = Duration::from_secs(1);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The clusters and the folder that they are in.
pub(super) struct Clusters {
    primary: Postgres,
    standby: Option<Postgres>,
    made: u32,
    folder: PathBuf,
    volume: Option<Volume>,
    reaper: Reaper,
}

impl Clusters {
    /// Starts a primary, with its data on a volume of its own where one can be mounted.
    pub(super) async fn start(
        programs: &Programs,
        scratch: &Scratch,
        reaper: &Reaper,
        own_mounts: bool,
    ) -> anyhow::Result<Self> {
        let owner = programs.postgres_owner;
        let folder = scratch.folder("clusters")?;
        let volume = own_mounts.then(|| Volume::mount(&folder, owner, reaper)).transpose()?;
        if let (None, Some((user, group))) = (&volume, owner) {
            std::os::unix::fs::chown(&folder, Some(user), Some(group))?;
        }
        let primary = Postgres::start_at(programs, scratch, "", folder.join("data-1")).await?;
        reaper.track_pid_file(&primary.pid_file());
        Ok(Self { primary, standby: None, made: 1, folder, volume, reaper: reaper.clone() })
    }

    pub(super) const fn primary(&self) -> &Postgres {
        &self.primary
    }

    pub(super) const fn has_volume(&self) -> bool {
        self.volume.is_some()
    }

    /// Stops them all.
    pub(super) async fn stop(&self) -> anyhow::Result<()> {
        if let Some(standby) = &self.standby {
            standby.stop().await?;
        }
        self.primary.stop().await
    }

    /// Fills the volume for so long. A server that ends meanwhile is started again
    /// afterwards.
    pub(super) async fn fill_for(&self, pause: Duration) -> anyhow::Result<()> {
        let Some(volume) = &self.volume else { return Ok(()) };
        volume.fill().await?;
        time::sleep(pause).await;
        volume.restore()?;
        self.primary.ensure_started().await?;
        self.wait_until_it_writes().await
    }

    /// Makes PostgreSQL read-only for so long, for open connections too.
    pub(super) async fn set_readonly_for(&self, pause: Duration) -> anyhow::Result<()> {
        let admin = self.admin(&self.primary).await?;
        for (command, pause) in [("SET", pause), ("RESET", Duration::ZERO)] {
            let value = if command == "SET" { " = on" } else { "" };
            let sql = format!("ALTER SYSTEM {command} default_transaction_read_only{value}");
            admin.execute_unprepared(&sql).await?;
            admin.execute_unprepared("SELECT pg_reload_conf()").await?;
            time::sleep(pause).await;
        }
        admin.close().await?;
        self.wait_until_it_writes().await
    }

    /// Starts a standby, stops the primary and promotes the standby, which has every commit.
    pub(super) async fn fail_over(&mut self, proxies: &[&Proxy]) -> anyhow::Result<()> {
        self.made += 1;
        let data = self.folder.join(format!("data-{}", self.made));
        let standby = self.primary.standby(data)?;
        self.reaper.track_pid_file(&standby.pid_file());
        let standby = self.standby.insert(standby).clone();
        standby.follow(&self.primary).await?;
        self.wait_until_in_step().await?;
        time::sleep(IN_STEP).await;
        self.primary.stop().await?;
        standby.promote().await?;
        proxies.iter().for_each(|proxy| proxy.retarget(standby.port()));
        let old = std::mem::replace(&mut self.primary, standby);
        self.standby = None;
        old.remove()
    }

    /// Makes replication synchronous, and returns once the standby has every earlier commit:
    /// from then on whatever is acknowledged is on both.
    async fn wait_until_in_step(&self) -> anyhow::Result<()> {
        let admin = self.admin(&self.primary).await?;
        admin.execute_unprepared("ALTER SYSTEM SET synchronous_standby_names = '*'").await?;
        admin.execute_unprepared("SELECT pg_reload_conf()").await?;
        let is_set = "SELECT current_setting('synchronous_standby_names') = '*' AS met";
        wait_for(&admin, is_set).await?;
        // The checkpointer applies the setting for all processes; it has by the end of a
        // checkpoint.
        time::sleep(LOOK_EVERY).await;
        admin.execute_unprepared("CHECKPOINT").await?;
        let now = "SELECT pg_current_wal_insert_lsn()::text AS now";
        let row = admin.query_one_raw(statement(&admin, now, [])).await?.context("no position")?;
        let now: String = row.try_get("", "now")?;
        let reached = format!(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND flush_lsn >= '{now}'::pg_lsn) AS met"
        );
        wait_for(&admin, &reached).await?;
        Ok(admin.close().await?)
    }

    /// Waits until PostgreSQL has started and applied its settings.
    async fn wait_until_it_writes(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let written = async {
                let admin = self.admin(&self.primary).await?;
                admin.execute_unprepared("CREATE TEMPORARY TABLE written (at int)").await?;
                anyhow::Ok(admin.close().await?)
            };
            match written.await {
                Err(_) if begun.elapsed() < LIMIT => time::sleep(LOOK_EVERY).await,
                done => return done.context("PostgreSQL takes no writes"),
            }
        }
    }

    async fn admin(&self, server: &Postgres) -> anyhow::Result<DatabaseConnection> {
        Ok(database::connect(&server.url(server.port(), "postgres"), 1, LIMIT, LIMIT).await?)
    }
}

async fn wait_for(admin: &DatabaseConnection, sql: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < CATCH_UP_LIMIT {
        let row = admin.query_one_raw(statement(admin, sql, [])).await?.context("no answer")?;
        if row.try_get::<bool>("", "met")? {
            return Ok(());
        }
        time::sleep(LOOK_EVERY).await;
    }
    bail!("the standby does not catch up: {sql}")
}
