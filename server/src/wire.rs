//! Builds what a process works with from its settings: the one place that knows
//! every crate.

mod checks;
mod folder;
mod oauth;
mod options;
mod outside;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, anyhow, bail};
use atelier_config::{Role, Settings};
use atelier_foundation::{Actor, Client, database};
use atelier_providers::{limiter::RateLimiter, shared_redis::SharedRedisOptions};
use atelier_queue::{
    Queue,
    bus::{Bus, LocalBus},
    metrics,
    transport::{Eviction, InProcess, RedisHub, RedisOptions, Transport},
};
use atelier_services::{Deps, Services, effects};
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};

pub(crate) use options::{
    api as api_options, connections as connection_limits, scheduler as scheduler_options,
    worker as worker_options,
};

/// Names the lock of migrations among the advisory locks of a database.
const MIGRATION_LOCK: i64 = 0x61_7465_6c69_6572;

/// Longest a start waits for Redis to tell how it evicts.
const EVICTION_PATIENCE: Duration = Duration::from_secs(2);

/// Everything a process works with.
#[derive(Clone)]
pub struct Platform {
    /// The settings in force, the signing secret among them.
    pub settings: Settings,
    /// The database, its tables up to date.
    pub db: DatabaseConnection,
    /// The job machine on it.
    pub queue: Queue,
    /// Every domain of the product.
    pub services: Services,
    /// Counts requests, with the other replicas where there is Redis.
    pub limiter: Arc<dyn RateLimiter>,
    /// How Redis deals with full memory, where it is used and told so.
    pub eviction: Option<Eviction>,
}

/// Builds the platform: makes the folders and the secret of an embedded instance,
/// connects, brings the tables up to date, and puts the services together. Links
/// in mails and previews start with `server.public_url`, or else with the address
/// of `server.bind`: set it to the bound one first where the port was free.
pub async fn build(settings: &Settings, role: Role) -> anyhow::Result<Platform> {
    let mut settings = settings.clone();
    folder::prepare(&settings)?;
    if role == Role::Embedded {
        settings.ensure_jwt_secret().context("the signing secret")?;
    }
    let db = connect(&settings).await?;
    migrate(&settings, &db).await?;
    let mut platform = assemble(settings, db).await?;
    if matches!(role, Role::Embedded | Role::Api) {
        name_admin(&platform.services).await?;
    }
    platform.eviction = read_eviction(platform.queue.transport()).await;
    Ok(platform)
}

/// The platform of an installation that is there already, for its operators: makes
/// no folder and no secret, and leaves the tables as they are.
pub async fn open(settings: &Settings) -> anyhow::Result<Platform> {
    if let Some(file) = folder::database_file(settings).filter(|file| !file.exists()) {
        bail!(
            "there is no database at {}: `atelier migrate` makes it, or set DATABASE_URL or DATA_DIR to where it is",
            file.display()
        );
    }
    let db = connect(settings).await?;
    let pending = pending(settings, &db).await?;
    if !pending.is_empty() {
        bail!("{}: run `atelier migrate` first", lacks(settings, &pending));
    }
    assemble(settings.clone(), db).await
}

async fn assemble(settings: Settings, db: DatabaseConnection) -> anyhow::Result<Platform> {
    let public_url = settings.public_url(settings.server.bind);
    let oauth = oauth::setup(&settings, &public_url)?;
    let options = options::services(&settings, &public_url);
    let effects = effects(&options.builder.public_url).context("effects of jobs")?;
    let (transport, bus) = dispatch(&settings).await?;
    let queue = Queue::new(db.clone(), transport, bus, effects, options::queue(&settings));
    queue.clock().follow(&db).await.context("the database's clock")?;
    let deps = Deps {
        model: outside::model(&settings, queue.clock())?,
        mailer: outside::mailer(&settings)?,
        objects: outside::objects(&settings)?,
        oauth,
    };
    let services = Services::new(queue.clone(), deps, options);
    let limiter = outside::limiter(&settings)?;
    Ok(Platform { settings, db, queue, services, limiter, eviction: None })
}

/// Lets the account that the settings name operate the platform, where its address is
/// proven.
async fn name_admin(services: &Services) -> anyhow::Result<()> {
    let actor = Actor::platform()
        .with_client(Client { user_agent: Some("atelier start".to_owned()), ..Client::default() });
    if services.foundation.identity.ensure_named_admin(&actor).await.context("auth.admin_email")? {
        tracing::info!("the account of auth.admin_email may operate the platform");
    }
    Ok(())
}

/// What Redis says of its memory. A Redis that does not answer now is used once it
/// does, so that nobody waits for it here.
async fn read_eviction(transport: &Arc<dyn Transport>) -> Option<Eviction> {
    let read = tokio::time::timeout(EVICTION_PATIENCE, transport.eviction()).await;
    let eviction = read.ok()?.ok()??;
    metrics::observe_eviction(eviction.is_risky());
    if eviction.is_risky() {
        tracing::warn!(
            "Redis may drop the queue's keys when its memory is full ({eviction}): set maxmemory-policy noeviction"
        );
    }
    Some(eviction)
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platform").field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// Makes the file of SQLite and its folder, where these settings name one.
///
/// # Errors
/// Where they cannot be written.
pub fn prepare_database(settings: &Settings) -> anyhow::Result<()> {
    if settings.is_sqlite() { folder::prepare(settings) } else { Ok(()) }
}

/// Keeps what this process will write to itself, unless the settings name a folder for
/// objects, which others may share.
pub(crate) fn keep_files_private(settings: &Settings) {
    if folder::own_objects(settings).is_some() {
        atelier_ops::host::set_private_umask();
    }
}

/// Says what each metric means, in every role: a worker counts what only the queue, the
/// model servers or the API describe.
pub(crate) fn describe_metrics() {
    atelier_queue::metrics::describe();
    atelier_providers::metrics::describe();
    atelier_api::metrics::describe();
}

/// Connects to the database of these settings.
pub async fn connect(settings: &Settings) -> anyhow::Result<DatabaseConnection> {
    let db = connect_with(settings, settings.database.max_connections).await?;
    database::ensure_own_sessions(&db, &settings.database_url())
        .await
        .with_context(|| format!("cannot use the database at {}", settings.database_location()))?;
    Ok(db)
}

async fn connect_with(settings: &Settings, connections: u32) -> anyhow::Result<DatabaseConnection> {
    let limits = &settings.database;
    let (acquire, statement) = (limits.acquire_timeout(), limits.statement_timeout());
    database::connect(&settings.database_url(), connections, acquire, statement)
        .await
        .map_err(|error| anyhow!(database::describe(&error)))
        .with_context(|| format!("cannot connect to the database at {}", settings.database_location()))
}

/// Brings the tables up to date where something is to be done, which needs the right to
/// create, or fails in bounded time: over a connection that fell silent a start would
/// wait for ever, where a new one would succeed.
///
/// # Errors
/// What stood in the way, with what is not applied.
pub async fn migrate(settings: &Settings, db: &DatabaseConnection) -> anyhow::Result<()> {
    // PostgreSQL ends any one statement at half of it.
    let bound = settings.database.statement_timeout() * 2;
    let migrated = tokio::time::timeout(bound, async {
        let pending = pending(settings, db).await?;
        if pending.is_empty() {
            return Ok(());
        }
        migrate_in_turn(settings, db).await.with_context(|| lacks(settings, &pending))
    });
    migrated.await.unwrap_or_else(|_late| bail!("the database did not answer within {} s", bound.as_secs()))
}

/// The migrations that the database does not have.
async fn pending(settings: &Settings, db: &DatabaseConnection) -> anyhow::Result<Vec<String>> {
    let pending = database::pending(db).await.map_err(|error| anyhow!(database::describe(&error)));
    pending.with_context(|| {
        format!("cannot read the tables of the database at {}", settings.database_location())
    })
}

/// What an operator is told of a database that is empty or behind.
fn lacks(settings: &Settings, pending: &[String]) -> String {
    let place = settings.database_location();
    match pending {
        [one] => format!("the database at {place} lacks the migration {one}"),
        [first, .., last] => {
            format!("the database at {place} lacks {} migrations, {first} to {last}", pending.len())
        }
        [] => format!("the database at {place} is up to date"),
    }
}

/// Processes that start together on PostgreSQL take turns, under a lock that a
/// connection of its own holds.
async fn migrate_in_turn(settings: &Settings, db: &DatabaseConnection) -> anyhow::Result<()> {
    if settings.is_sqlite() {
        return database::migrate(db).await.map_err(|error| anyhow!(database::describe(&error)));
    }
    let keeper = connect_with(settings, 1).await?;
    let turn = keeper.begin().await?;
    // It waits idle for as long as the migrations take.
    let lock = format!(
        "SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"
    );
    turn.execute_unprepared(&lock).await?;
    let migrated = database::migrate(db).await;
    turn.rollback().await?;
    keeper.close().await?;
    migrated.map_err(|error| {
        let cause = database::describe(&error);
        if database::is_forbidden(&error) {
            anyhow!("{cause}: run `atelier migrate` with DATABASE_URL of a user who may change the tables")
        } else {
            anyhow!(cause)
        }
    })
}

async fn dispatch(settings: &Settings) -> anyhow::Result<(Arc<dyn Transport>, Arc<dyn Bus>)> {
    let Some(SharedRedisOptions { client, key_prefix, command_timeout }) = outside::shared_redis(settings)?
    else {
        return Ok((Arc::new(InProcess::default()), Arc::new(LocalBus::default())));
    };
    let heartbeat = settings.queue.heartbeat();
    let hub = RedisHub::connect(RedisOptions {
        client,
        key_prefix,
        command_timeout,
        consumer_timeout: heartbeat.saturating_mul(2).max(Duration::from_secs(2)),
    })
    .await
    .context("cannot use Redis")?;
    Ok((hub.clone(), hub))
}
