//! The workers and schedulers of a run: this program, started by itself.

use std::{
    collections::BTreeMap,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use atelier_foundation::database;
use atelier_queue::{
    Queue, QueueName, QueueOptions,
    bus::LocalBus,
    transport::{InProcess, RedisHub, RedisOptions, open_redis},
    worker::{self, WorkerOptions},
};
use atelier_scheduler::{SchedulerOptions, Work};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr,
    sqlx::{self, Connection, PgConnection},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    signal::unix::{SignalKind, signal},
    time,
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::{
    cli::{EmbeddedArgs, MemberArgs},
    enqueuer, handlers, infrastructure,
};

/// The product's default.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(5);
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);
const REDIS_LIMIT: Duration = Duration::from_secs(2);
const CONNECTIONS: u32 = 20;

/// How long a pooled connection may take to show that it is alive.
const PING_LIMIT: Duration = Duration::from_secs(1);

/// How long a start may take.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Grace period of a worker that drains.
const GRACE: Duration = Duration::from_secs(1);

/// Jobs that a worker runs at the same time, by queue.
pub(super) const SLOTS: [(QueueName, usize); 6] = [
    (QueueName::Generation, 24),
    (QueueName::Deployment, 8),
    (QueueName::Email, 8),
    (QueueName::Stats, 4),
    (QueueName::Workflow, 8),
    (QueueName::Maintenance, 8),
];

/// A queue as the product wires it.
pub(super) async fn queue(
    database_url: &str,
    redis_url: &SecretString,
    heartbeat: Duration,
) -> anyhow::Result<Queue> {
    let db = connect(database_url).await?;
    let hub = RedisHub::connect(RedisOptions {
        client: open_redis(redis_url, None)?,
        key_prefix: "chaos".to_owned(),
        command_timeout: REDIS_LIMIT,
        consumer_timeout: heartbeat * 2,
    })
    .await?;
    let options = QueueOptions { heartbeat, ..QueueOptions::default() };
    Ok(Queue::new(db, hub.clone(), hub, handlers::effects()?, options))
}

/// A worker, until SIGTERM.
pub(super) async fn worker(args: MemberArgs) -> anyhow::Result<ExitCode> {
    let (queue, shutdown) = begin_shared(&args).await?;
    worker::run(queue, handlers::registry(args.next_version)?, worker_options(), shutdown).await?;
    Ok(ExitCode::SUCCESS)
}

/// A scheduler, until SIGTERM.
pub(super) async fn scheduler(args: MemberArgs) -> anyhow::Result<ExitCode> {
    let (queue, shutdown) = begin_shared(&args).await?;
    atelier_scheduler::run(queue, work(), scheduler_options(), shutdown).await;
    Ok(ExitCode::SUCCESS)
}

/// All roles in one process, and the server for callers, until SIGTERM.
pub(super) async fn embedded(args: EmbeddedArgs) -> anyhow::Result<ExitCode> {
    let heartbeat = Duration::from_secs(args.heartbeat_secs);
    let (queue, shutdown) = begin(embedded_queue(&args.file, heartbeat)).await?;
    let worker = worker::run(queue.clone(), handlers::registry(true)?, worker_options(), shutdown.clone());
    let scheduler = atelier_scheduler::run(queue.clone(), work(), scheduler_options(), shutdown.clone());
    let (worker, scheduler) = (tokio::spawn(worker), tokio::spawn(scheduler));
    enqueuer::serve(queue, &args.socket, shutdown).await?;
    worker.await??;
    scheduler.await?;
    Ok(ExitCode::SUCCESS)
}

fn work() -> Work {
    Work { recurring: handlers::recurring(), ..Work::default() }
}

/// A queue on a file of SQLite, as an embedded instance of the product wires it.
pub(super) async fn embedded_queue(file: &Path, heartbeat: Duration) -> anyhow::Result<Queue> {
    let url = infrastructure::url(file, "rw");
    let db = database::connect(&url, CONNECTIONS, ACQUIRE_LIMIT, STATEMENT_LIMIT).await?;
    // Fails where the file is read-only, as the start of the product does.
    db.execute_unprepared("PRAGMA user_version = 0").await.context("the file cannot be written")?;
    let options = QueueOptions { heartbeat, ..QueueOptions::default() };
    let bus = Arc::new(LocalBus::default());
    Ok(Queue::new(db, Arc::new(InProcess::default()), bus, handlers::effects()?, options))
}

fn worker_options() -> WorkerOptions {
    WorkerOptions {
        concurrency: BTreeMap::from(SLOTS),
        grace: GRACE,
        host: "chaos".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..WorkerOptions::default()
    }
}

fn scheduler_options() -> SchedulerOptions {
    SchedulerOptions {
        relay_interval: Duration::from_secs(1),
        host: "chaos".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

async fn begin_shared(args: &MemberArgs) -> anyhow::Result<(Queue, CancellationToken)> {
    let heartbeat = Duration::from_secs(args.heartbeat_secs);
    begin(queue(args.database_url.expose_secret(), &args.redis_url, heartbeat)).await
}

async fn begin(
    queue: impl Future<Output = anyhow::Result<Queue>>,
) -> anyhow::Result<(Queue, CancellationToken)> {
    let filter = EnvFilter::new("info,sqlx=warn,apalis=warn,apalis_core=warn,atelier_queue=debug");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let token = shutdown.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        token.cancel();
    });
    let begun = Instant::now();
    let start = async {
        let queue = queue.await?;
        queue.clock().follow(queue.db()).await?;
        anyhow::Ok(queue)
    };
    // A process that cannot start ends, and the supervisor starts it again.
    let queue = time::timeout(START_LIMIT, start).await.context("the database does not answer")??;
    tracing::info!(pid = std::process::id(), after = ?begun.elapsed(), "begins");
    Ok((queue, shutdown))
}

/// Connects with the product's limits. A pooled connection is asked whether it answers
/// before it is used and when it comes back, and is closed where it does not in time:
/// a query that was given up on a silent connection must not keep its place in the
/// pool. A transaction that its client left is ended by the server, with its locks.
async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(CONNECTIONS)
        .connect_timeout(ACQUIRE_LIMIT)
        .acquire_timeout(ACQUIRE_LIMIT)
        .statement_timeout(STATEMENT_LIMIT)
        .sqlx_logging(false)
        .set_application_name("atelier")
        .map_sqlx_postgres_opts(|options| options.options([("idle_in_transaction_session_timeout", "15s")]))
        .map_sqlx_postgres_pool_opts(|pool| {
            pool.test_before_acquire(false)
                .before_acquire(|connection, _| Box::pin(answers(connection)))
                .after_release(|connection, _| Box::pin(answers(connection)))
        });
    Database::connect(options).await
}

async fn answers(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match time::timeout(PING_LIMIT, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(silent) => Err(sqlx::Error::Io(silent.into())),
    }
}
