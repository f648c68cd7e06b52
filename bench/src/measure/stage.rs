//! Where a measurement takes place: servers of its own, a new database for each run.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use atelier_queue::{
    Effects, Queue, QueueOptions,
    bus::LocalBus,
    transport::{InProcess, RedisHub, RedisOptions},
};
use atelier_services::database;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use secrecy::{ExposeSecret, SecretString};

use crate::servers::{
    postgres::Postgres, programs::Programs, redis_server::RedisServer, scratch::Scratch, warden::Warden,
};

/// What differs from PostgreSQL's own defaults: memory, and room for the log between
/// two checkpoints. Every commit still waits for the disk.
pub(super) const POSTGRES_SETTINGS: &str = "\
shared_buffers = 512MB
max_wal_size = 4GB
";

/// Connections of a worker, as in the product.
pub(super) const CONNECTIONS: u32 = 20;

const ACQUIRE_LIMIT: Duration = Duration::from_secs(30);
const STATEMENT_LIMIT: Duration = Duration::from_secs(600);
const REDIS_LIMIT: Duration = Duration::from_secs(2);

/// PostgreSQL and Redis of a measurement.
pub(super) struct Stage {
    pub(super) warden: Warden,
    pub(super) scratch: Scratch,
    pub(super) redis: RedisServer,
    postgres: Postgres,
    admin: DatabaseConnection,
}

/// The database of one run and a queue on it.
pub(super) struct Ground {
    pub(super) queue: Queue,
    pub(super) database_url: SecretString,
    pub(super) redis_url: SecretString,
}

impl Ground {
    /// Closes its connections: the next run takes the database away.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        Ok(self.queue.db().close_by_ref().await?)
    }
}

impl Stage {
    /// Starts both servers.
    pub(super) async fn start(programs: &Programs) -> anyhow::Result<Self> {
        let scratch = Scratch::create("atelier-bench-", false)?;
        let warden = Warden::start(scratch.path(), false)?;
        let postgres = Postgres::start(programs, &scratch, POSTGRES_SETTINGS).await?;
        warden.note_file(&postgres.pid_file());
        let started = Self::start_rest(programs, &scratch, &warden, &postgres).await;
        match started {
            Ok((redis, admin)) => Ok(Self { warden, scratch, redis, postgres, admin }),
            Err(error) => {
                postgres.stop().await?;
                warden.dismiss();
                Err(error)
            }
        }
    }

    async fn start_rest(
        programs: &Programs,
        scratch: &Scratch,
        warden: &Warden,
        postgres: &Postgres,
    ) -> anyhow::Result<(RedisServer, DatabaseConnection)> {
        let redis = RedisServer::start(programs, scratch, warden).await?;
        let url = postgres.url(postgres.port(), "postgres");
        let admin = database::connect(&url, 1, ACQUIRE_LIMIT, STATEMENT_LIMIT).await?;
        Ok((redis, admin))
    }

    /// A new database with its tables, nothing in Redis, and a queue on both.
    pub(super) async fn create_ground(&self, connections: u32) -> anyhow::Result<Ground> {
        self.redis.flush().await?;
        self.admin.execute_unprepared("DROP DATABASE IF EXISTS bench WITH (FORCE)").await?;
        self.admin.execute_unprepared("CREATE DATABASE bench").await?;
        let database_url = SecretString::from(self.postgres.url(self.postgres.port(), "bench"));
        let redis_url = SecretString::from(self.redis.url(self.redis.port()));
        let queue = queue(&database_url, &redis_url, connections).await?;
        database::migrate(queue.db()).await?;
        Ok(Ground { queue, database_url, redis_url })
    }

    /// Stops both servers and removes what they kept.
    pub(super) async fn finish(mut self) -> anyhow::Result<()> {
        self.redis.kill().await;
        self.postgres.stop().await?;
        self.warden.dismiss();
        Ok(())
    }
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
        url: redis_url.clone(),
        key_prefix: "bench".to_owned(),
        command_timeout: REDIS_LIMIT,
        consumer_timeout: options.heartbeat * 2,
    })
    .await?;
    Ok(Queue::new(db.await?, hub.clone(), hub, Effects::default(), options))
}

/// A queue on a new SQLite file and the in-process transport.
pub(super) async fn embedded_queue(file: &Path) -> anyhow::Result<Queue> {
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let db = database::connect(&url, CONNECTIONS, ACQUIRE_LIMIT, STATEMENT_LIMIT).await;
    let db = db.context("cannot make an SQLite file")?;
    database::migrate(&db).await?;
    let bus = Arc::new(LocalBus::default());
    Ok(Queue::new(db, Arc::new(InProcess::default()), bus, Effects::default(), QueueOptions::default()))
}
