//! Assembles a process from its settings. Only this module knows every crate.

mod checks;
mod local_files;
mod models;
mod oauth;
mod options;
mod providers;

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

/// The advisory lock of migrations on PostgreSQL.
const MIGRATION_LOCK: i64 = 0x61_7465_6c69_6572;

/// How long a start waits for the eviction policy of Redis.
const EVICTION_TIMEOUT: Duration = Duration::from_secs(2);

/// The services and connections of a process.
#[derive(Clone)]
pub struct Platform {
    /// The effective settings, including the signing secret.
    pub settings: Settings,
    /// The migrated database.
    pub db: DatabaseConnection,
    /// The job queue on this database.
    pub queue: Queue,
    /// The services of all domains.
    pub services: Services,
    /// The rate limiter. With Redis it counts for all replicas.
    pub limiter: Arc<dyn RateLimiter>,
    /// The eviction policy of Redis, if Redis is used and reports it.
    pub eviction: Option<Eviction>,
}

/// Builds the platform: creates the folders and the secret of an embedded instance, connects,
/// migrates the database, and assembles the services. Links in mails and previews start with
/// `server.public_url`, or if it is empty with the address of `server.bind`: with port 0, set
/// `server.bind` to the bound address first.
pub async fn build(settings: &Settings, role: Role) -> anyhow::Result<Platform> {
    let mut settings = settings.clone();
    local_files::prepare(&settings)?;
    if role == Role::Embedded {
        settings.ensure_jwt_secret().context("the signing secret")?;
        settings.ensure_credential_keys().context("the keys of credentials")?;
    }
    let db = connect(&settings).await?;
    migrate(&settings, &db).await?;
    let mut platform = assemble(settings, db).await?;
    if matches!(role, Role::Embedded | Role::Api) {
        grant_configured_admin(&platform.services).await?;
    }
    platform.eviction = read_eviction(platform.queue.transport()).await;
    Ok(platform)
}

/// Opens the platform of an existing installation for operators' commands. It creates no
/// folder and no secret, and changes no table.
pub async fn open(settings: &Settings) -> anyhow::Result<Platform> {
    if let Some(file) = local_files::database_file(settings).filter(|file| !file.exists()) {
        bail!(
            "there is no database at {}: create it with `atelier migrate`, or set DATABASE_URL or DATA_DIR",
            file.display()
        );
    }
    let db = connect(settings).await?;
    let pending = pending(settings, &db).await?;
    if !pending.is_empty() {
        bail!("{}: run `atelier migrate` first", describe_pending(settings, &pending));
    }
    assemble(settings.clone(), db).await
}

async fn assemble(settings: Settings, db: DatabaseConnection) -> anyhow::Result<Platform> {
    let public_url = settings.public_url(settings.server.bind);
    let oauth = oauth::setup(&settings, &public_url)?;
    let options = options::services(&settings, &public_url);
    let effects = effects(&(&options).into()).context("effects of jobs")?;
    let (transport, bus) = dispatch(&settings).await?;
    let queue = Queue::new(db.clone(), transport, bus, effects, options::queue(&settings));
    queue.clock().follow(&db).await.context("the database's clock")?;
    let limiter = providers::limiter(&settings)?;
    let deps = Deps {
        model: models::model(&settings, queue.clock(), limiter.clone())?,
        mailer: providers::mailer(&settings)?,
        objects: providers::objects(&settings)?,
        oauth,
        http: providers::workflow_http(&settings)?,
    };
    let services = Services::new(queue.clone(), deps, options);
    Ok(Platform { settings, db, queue, services, limiter, eviction: None })
}

/// Makes the account of `auth.admin_email` an administrator if its address is verified.
async fn grant_configured_admin(services: &Services) -> anyhow::Result<()> {
    let actor = Actor::platform()
        .with_client(Client { user_agent: Some("atelier start".to_owned()), ..Client::default() });
    if services.foundation.identity.ensure_named_admin(&actor).await.context("auth.admin_email")? {
        tracing::info!("the account of auth.admin_email is now an administrator");
    }
    Ok(())
}

/// Reads the eviction policy of Redis. The start does not depend on the answer, since Redis
/// may become available later.
async fn read_eviction(transport: &Arc<dyn Transport>) -> Option<Eviction> {
    let read = tokio::time::timeout(EVICTION_TIMEOUT, transport.eviction()).await;
    let eviction = read.ok()?.ok()??;
    metrics::observe_eviction(eviction.is_risky());
    if eviction.is_risky() {
        tracing::warn!(
            "Redis may drop keys of the queue when its memory is full ({eviction}): set maxmemory-policy noeviction"
        );
    }
    Some(eviction)
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platform").field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// Creates the SQLite file and its folder, if these settings use SQLite.
///
/// # Errors
/// If they cannot be written.
pub fn prepare_database(settings: &Settings) -> anyhow::Result<()> {
    if settings.is_sqlite() { local_files::prepare(settings) } else { Ok(()) }
}

/// Makes new files of this process private, unless `storage.url` names a folder for objects,
/// which other users may share.
pub(crate) fn set_private_umask(settings: &Settings) {
    if local_files::default_object_folder(settings).is_some() {
        atelier_ops::host::set_private_umask();
    }
}

/// Describes the metrics of all crates in every role, so that each exported metric has a help
/// text.
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

/// Applies the pending migrations, if any; this requires the right to create tables. The time
/// limit is for connections that fell silent: a new start would succeed, while this one would
/// wait forever.
///
/// # Errors
/// The cause, with the migrations that are not applied.
pub async fn migrate(settings: &Settings, db: &DatabaseConnection) -> anyhow::Result<()> {
    // PostgreSQL ends each statement after half of this time.
    let bound = settings.database.statement_timeout() * 2;
    let migrated = tokio::time::timeout(bound, async {
        let pending = pending(settings, db).await?;
        if pending.is_empty() {
            return Ok(());
        }
        migrate_under_lock(settings, db).await.with_context(|| describe_pending(settings, &pending))
    });
    migrated.await.unwrap_or_else(|_late| bail!("the database did not answer within {} s", bound.as_secs()))
}

/// The pending migrations of the database.
async fn pending(settings: &Settings, db: &DatabaseConnection) -> anyhow::Result<Vec<String>> {
    let pending = database::pending(db).await.map_err(|error| anyhow!(database::describe(&error)));
    pending.with_context(|| {
        format!("cannot read the tables of the database at {}", settings.database_location())
    })
}

/// Describes the pending migrations of an empty or older database.
fn describe_pending(settings: &Settings, pending: &[String]) -> String {
    let place = settings.database_location();
    match pending {
        [one] => format!("the database at {place} lacks the migration {one}"),
        [first, .., last] => {
            format!("the database at {place} lacks {} migrations, {first} to {last}", pending.len())
        }
        [] => format!("the database at {place} is up to date"),
    }
}

/// Migrates PostgreSQL under a lock on a separate connection, so that processes that start at
/// the same time take turns.
async fn migrate_under_lock(settings: &Settings, db: &DatabaseConnection) -> anyhow::Result<()> {
    if settings.is_sqlite() {
        return database::migrate(db).await.map_err(|error| anyhow!(database::describe(&error)));
    }
    let lock_connection = connect_with(settings, 1).await?;
    let lock_tx = lock_connection.begin().await?;
    // This transaction is idle while the migrations run.
    let lock = format!(
        "SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"
    );
    lock_tx.execute_unprepared(&lock).await?;
    let migrated = database::migrate(db).await;
    lock_tx.rollback().await?;
    lock_connection.close().await?;
    migrated.map_err(|error| {
        let cause = database::describe(&error);
        if database::is_forbidden(&error) {
            anyhow!(
                "{cause}: run `atelier migrate` with the DATABASE_URL of a user who may change the tables"
            )
        } else {
            anyhow!(cause)
        }
    })
}

async fn dispatch(settings: &Settings) -> anyhow::Result<(Arc<dyn Transport>, Arc<dyn Bus>)> {
    let Some(SharedRedisOptions { client, key_prefix, command_timeout }) = providers::shared_redis(settings)?
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
