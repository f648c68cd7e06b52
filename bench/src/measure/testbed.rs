//! The servers of a measurement, with a new database for each run.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use atelier_foundation::database;
use atelier_queue::{
    Effects, Queue, QueueOptions,
    bus::LocalBus,
    transport::{InProcess, RedisHub, RedisOptions, open_redis},
};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::{cli::RowsArgs, figures::Figures, kinds, rows};
use crate::servers::{
    postgres::Postgres, programs::Programs, reaper::Reaper, redis_server::RedisServer, scratch::Scratch,
};

/// Settings that differ from PostgreSQL's defaults: memory, the size of the log between
/// checkpoints, and the times of commits, which a measurement reads. Every commit still waits
/// for the disk.
pub(super) const POSTGRES_SETTINGS: &str = "\
shared_buffers = 512MB
max_wal_size = 4GB
track_commit_timestamp = on
";

/// Enables the counting of statements. It costs time, so that no speed is measured with
/// it.
const COUNTING: &str = "shared_preload_libraries = 'pg_stat_statements'\n";

/// Connections of a worker, as in the product.
pub(super) const CONNECTIONS: u32 = 20;

pub(super) const ACQUIRE_LIMIT: Duration = Duration::from_secs(30);
pub(super) const STATEMENT_LIMIT: Duration = Duration::from_secs(600);
const REDIS_LIMIT: Duration = Duration::from_secs(2);

/// PostgreSQL and Redis of a measurement.
pub(super) struct Testbed {
    pub(super) reaper: Reaper,
    pub(super) scratch: Scratch,
    pub(super) redis: RedisServer,
    pub(super) postgres: Postgres,
    admin: DatabaseConnection,
    /// Template databases, whose rows are inserted once.
    templates: Mutex<BTreeSet<String>>,
}

/// The database of one run and a queue on it.
pub(super) struct RunDatabase {
    pub(super) queue: Queue,
    pub(super) database_url: SecretString,
    pub(super) redis_url: SecretString,
}

impl RunDatabase {
    /// Closes its connections: the next run drops the database.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        Ok(self.queue.db().close_by_ref().await?)
    }
}

impl Testbed {
    /// Starts both servers. With `counts` PostgreSQL counts statements, where its extension
    /// for that is installed.
    pub(super) async fn start(programs: &Programs, counts: bool) -> anyhow::Result<Self> {
        let counting = if counts { COUNTING } else { "" };
        let settings = format!("{POSTGRES_SETTINGS}{counting}");
        let scratch = Scratch::create("atelier-bench-", false)?;
        let reaper = Reaper::start(scratch.path(), false)?;
        let postgres = Postgres::start(programs, &scratch, &settings).await?;
        reaper.track_pid_file(&postgres.pid_file());
        let started = Self::start_rest(programs, &scratch, &reaper, &postgres).await;
        match started {
            Ok((redis, admin)) => {
                Ok(Self { reaper, scratch, redis, postgres, admin, templates: Mutex::default() })
            }
            Err(error) => {
                postgres.stop().await?;
                reaper.dismiss();
                Err(error)
            }
        }
    }

    async fn start_rest(
        programs: &Programs,
        scratch: &Scratch,
        reaper: &Reaper,
        postgres: &Postgres,
    ) -> anyhow::Result<(RedisServer, DatabaseConnection)> {
        let redis = RedisServer::start(programs, scratch, reaper).await?;
        let url = postgres.url(postgres.port(), "postgres");
        let admin = database::connect(&url, 1, ACQUIRE_LIMIT, STATEMENT_LIMIT).await?;
        Ok((redis, admin))
    }

    /// A new database with its tables, nothing in Redis, and a queue on both.
    pub(super) async fn create_run_database(&self, connections: u32) -> anyhow::Result<RunDatabase> {
        self.create_run_database_with(connections, RowsArgs::default()).await
    }

    /// The same with rows. They are inserted once into a template and copied with its files.
    pub(super) async fn create_run_database_with(
        &self,
        connections: u32,
        rows: RowsArgs,
    ) -> anyhow::Result<RunDatabase> {
        let template = self.ensure_template(rows).await?;
        let database_url = self.create_database("bench", &template).await?;
        let redis_url = SecretString::from(self.redis.url(self.redis.port()));
        let queue = queue(&database_url, &redis_url, connections).await?;
        Ok(RunDatabase { queue, database_url, redis_url })
    }

    /// Creates a copy of a template database, and empties Redis.
    pub(super) async fn create_database(&self, name: &str, template: &str) -> anyhow::Result<SecretString> {
        self.redis.flush().await?;
        self.admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY");
        self.admin.execute_unprepared(&sql).await.with_context(|| format!("cannot copy {template}"))?;
        Ok(SecretString::from(self.postgres.url(self.postgres.port(), name)))
    }

    async fn ensure_template(&self, rows: RowsArgs) -> anyhow::Result<String> {
        let mut templates = self.templates.lock().await;
        let name = format!("template_{}_{}", rows.finished_rows, rows.waiting_rows);
        if templates.insert(name.clone()) {
            let url = self.create_database(&name, "template0").await?;
            let db = database::connect(url.expose_secret(), 1, ACQUIRE_LIMIT, STATEMENT_LIMIT).await?;
            database::migrate(&db).await?;
            rows::create(&db, rows).await?;
            db.execute_unprepared("CREATE TABLE bench_effects (job uuid NOT NULL)").await?;
            db.execute_unprepared("VACUUM (ANALYZE) jobs").await?;
            db.close().await?;
        }
        Ok(name)
    }

    /// Stops both servers and removes their data.
    pub(super) async fn finish(mut self) -> anyhow::Result<()> {
        self.redis.kill().await;
        self.postgres.stop().await?;
        self.reaper.dismiss();
        Ok(())
    }
}

/// Starts servers, measures, stops the servers on errors too, and returns the figures.
pub(super) async fn with(
    programs: &Programs,
    counts: bool,
    work: impl AsyncFnOnce(&Testbed, &mut Figures) -> anyhow::Result<()>,
) -> anyhow::Result<Figures> {
    let testbed = Testbed::start(programs, counts).await?;
    let mut figures = Figures::default();
    let outcome = work(&testbed, &mut figures).await;
    testbed.finish().await?;
    outcome.map(|()| figures)
}

/// A queue on PostgreSQL and Redis, as the product wires it.
pub(super) async fn queue(
    database_url: &SecretString,
    redis_url: &SecretString,
    connections: u32,
) -> anyhow::Result<Queue> {
    let db = database::connect(database_url.expose_secret(), connections, ACQUIRE_LIMIT, STATEMENT_LIMIT);
    let options = QueueOptions::default();
    let hub = RedisHub::connect(RedisOptions {
        client: open_redis(redis_url, None)?,
        key_prefix: "bench".to_owned(),
        command_timeout: REDIS_LIMIT,
        consumer_timeout: options.heartbeat * 2,
    })
    .await?;
    Ok(Queue::new(db.await?, hub.clone(), hub, kinds::effects()?, options))
}

/// A queue on a new SQLite file and the in-process transport.
pub(super) async fn embedded_queue(file: &Path) -> anyhow::Result<Queue> {
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let db = database::connect(&url, CONNECTIONS, ACQUIRE_LIMIT, STATEMENT_LIMIT).await;
    let db = db.context("cannot create an SQLite file")?;
    database::migrate(&db).await?;
    let bus = Arc::new(LocalBus::default());
    Ok(Queue::new(db, Arc::new(InProcess::default()), bus, Effects::default(), QueueOptions::default()))
}
