//! The disk of an embedded run, and the files of SQLite on it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;
use atelier_foundation::database;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr};
use tokio::time;

use super::{
    outage::STALL,
    shim::{Condition, Shim},
};
use crate::{
    chaos::{draws, faults::Fault, recovery::Impact, tables::statement},
    servers::{reaper::Reaper, scratch::Scratch, volume::Volume},
};

/// Latency of fsync on a slow disk.
const LATENCY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// How long the run waits for a file that another process writes to.
const LIMIT: Duration = Duration::from_secs(30);

/// Connections that read a file at the same time.
const LOOKS: u32 = 6;

/// Where an embedded run keeps its data.
pub(in crate::chaos) struct Disk {
    folder: PathBuf,
    volume: Option<Volume>,
    shim: Option<Shim>,
}

impl Disk {
    /// Prepares a folder, on a file system of its own where one can be mounted.
    pub(in crate::chaos) async fn prepare(
        scratch: &Scratch,
        reaper: &Reaper,
        own_mounts: bool,
    ) -> anyhow::Result<Self> {
        let folder = scratch.folder("disk")?;
        let volume = own_mounts.then(|| Volume::mount(&folder, None, reaper)).transpose()?;
        let shim = Shim::build(&scratch.folder("shim")?, &folder).await;
        let shim =
            shim.inspect_err(|error| tracing::info!("faults of the disk cannot be injected: {error:#}")).ok();
        Ok(Self { folder: folder.canonicalize()?, volume, shim })
    }

    /// The file of the run's own process.
    pub(in crate::chaos) fn chaos_file(&self) -> anyhow::Result<PathBuf> {
        Ok(self.subfolder("chaos")?.join("chaos.db"))
    }

    /// The folder of the product.
    pub(in crate::chaos) fn product_folder(&self) -> anyhow::Result<PathBuf> {
        self.subfolder("product")
    }

    /// The file that the product has in its folder.
    pub(in crate::chaos) fn product_file(&self) -> anyhow::Result<PathBuf> {
        Ok(self.product_folder()?.join("atelier.db"))
    }

    fn subfolder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// Copies everything to a folder that outlives the run.
    pub(in crate::chaos) fn keep(&self, target: &Path) -> anyhow::Result<()> {
        let copied = Command::new("cp").arg("-R").arg(self.folder.join(".")).arg(target).status()?;
        anyhow::ensure!(copied.success(), "cannot keep {}", self.folder.display());
        Ok(())
    }

    /// Makes the disk read-only or writable.
    pub(in crate::chaos) fn set_readonly(&self, readonly: bool) -> anyhow::Result<()> {
        let condition = if readonly { Condition::Readonly } else { Condition::Good };
        self.shim.as_ref().map_or(Ok(()), |shim| shim.set(condition))
    }

    /// Environment variables that put processes under the faults of this disk.
    pub(in crate::chaos) fn environment(&self) -> Vec<(String, String)> {
        self.shim.as_ref().map(Shim::environment).unwrap_or_default()
    }

    pub(super) fn unavailable_reason(&self, fault: Fault) -> Option<&'static str> {
        let lacks = match fault {
            Fault::DiskFull => self.volume.is_none() && self.shim.is_none(),
            Fault::DiskSlow | Fault::DiskReadonly | Fault::DiskFailing | Fault::StartReadonly => {
                self.shim.is_none()
            }
            _ => false,
        };
        lacks.then_some("no C compiler, or no program that obeys LD_PRELOAD")
    }

    pub(super) async fn apply(&self, fault: Fault, draws: [f64; 4]) -> anyhow::Result<Impact> {
        let pause = draws::between(draws[2], STALL.0, STALL.1);
        match (fault, &self.volume, &self.shim) {
            (Fault::DiskFull, Some(volume), shim) if shim.is_none() || draws[3] < 0.5 => {
                volume.fill().await?;
                time::sleep(pause).await;
                volume.restore()?;
            }
            (Fault::DiskFull, _, Some(shim)) => apply_for(shim, Condition::Full, pause).await?,
            (Fault::DiskReadonly, _, Some(shim)) => apply_for(shim, Condition::Readonly, pause).await?,
            (Fault::DiskFailing, _, Some(shim)) => apply_for(shim, Condition::Failing, pause).await?,
            (Fault::DiskSlow, _, Some(shim)) => {
                let latency = draws::between(draws[3], LATENCY.0, LATENCY.1);
                apply_for(shim, Condition::Slow(latency), pause).await?;
            }
            (Fault::DatabaseLock, ..) => {
                let (chaos, product) = (self.chaos_file()?, self.product_file()?);
                tokio::try_join!(lock(&chaos, pause), lock(&product, pause))?;
            }
            _ => {}
        }
        Ok(Impact::now())
    }
}

/// Holds the write lock of a file for so long.
async fn lock(file: &Path, pause: Duration) -> anyhow::Result<()> {
    let db = database::connect(&url(file, "rw"), 1, LIMIT, LIMIT).await?;
    db.execute_unprepared("BEGIN IMMEDIATE").await.context("other processes hold the lock")?;
    time::sleep(pause).await;
    db.execute_unprepared("ROLLBACK").await?;
    Ok(db.close().await?)
}

async fn apply_for(shim: &Shim, condition: Condition, pause: Duration) -> anyhow::Result<()> {
    shim.set(condition)?;
    time::sleep(pause).await;
    shim.set(Condition::Good)
}

/// The URL of a file of SQLite.
pub(in crate::chaos) fn url(file: &Path, mode: &str) -> String {
    format!("sqlite://{}?mode={mode}", file.display())
}

/// Creates a file with its tables.
pub(in crate::chaos) async fn create(file: &Path) -> anyhow::Result<DatabaseConnection> {
    let db = database::connect(&url(file, "rwc"), 1, LIMIT, LIMIT)
        .await
        .context("cannot create an SQLite file")?;
    database::migrate(&db).await?;
    Ok(db)
}

/// Connects read-only to a file that others write to. Each read opens the file anew, so that
/// a killed process is often the last that had it open, and has to recover it when it
/// starts again.
pub(in crate::chaos) async fn open_for_reading(file: &Path) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url(file, "ro"));
    options
        .max_connections(LOOKS)
        .connect_timeout(LIMIT)
        .acquire_timeout(LIMIT)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|options| options.busy_timeout(LIMIT))
        .map_sqlx_sqlite_pool_opts(|pool| {
            pool.test_before_acquire(false).after_release(|_, _| Box::pin(async { Ok(false) }))
        });
    Database::connect(options).await
}

/// What SQLite says of its version.
pub(in crate::chaos) async fn version(db: &DatabaseConnection) -> anyhow::Result<String> {
    let sql = statement(db, "SELECT sqlite_version() AS version", []);
    let row = db.query_one_raw(sql).await?.context("SQLite reports no version")?;
    Ok(format!("SQLite {}", row.try_get::<String>("", "version")?))
}
