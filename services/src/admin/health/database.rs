//! The facts about the database.

use std::time::{Duration, Instant};

use sea_orm::{DatabaseBackend, DatabaseConnection, DbErr, FromQueryResult, Statement};

use super::{Assessment, HEALTHY, degraded};

/// Facts that the database reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// `postgresql` or `sqlite`.
    pub engine: &'static str,
    /// Its version.
    pub version: String,
    /// Size in bytes.
    pub size_bytes: i64,
    /// Open connections of this process.
    pub connections: u32,
    /// Idle connections of this process.
    pub idle_connections: u32,
    /// Maximum number of connections of this process.
    pub max_connections: u32,
}

#[derive(FromQueryResult)]
struct Row {
    version: String,
    size_bytes: i64,
}

const POSTGRES: &str = "SELECT current_setting('server_version') AS version, \
    pg_database_size(current_database()) AS size_bytes";
const SQLITE: &str = "SELECT sqlite_version() AS version, \
    (SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM pragma_page_size()) AS size_bytes";

/// Queries the facts of a database. `pool` was read before the probes began.
pub(super) async fn ask(db: &DatabaseConnection, pool: Pool) -> Result<DatabaseFacts, DbErr> {
    let backend = db.get_database_backend();
    let (engine, text) = match backend {
        DatabaseBackend::Postgres => ("postgresql", POSTGRES),
        _ => ("sqlite", SQLITE),
    };
    let (connections, idle, max_connections) = pool;
    let found = Row::find_by_statement(Statement::from_string(backend, text)).one(db).await?;
    let Row { version, size_bytes } =
        found.ok_or_else(|| DbErr::RecordNotFound("the database's version".to_owned()))?;
    let idle_connections = u32::try_from(idle).unwrap_or(u32::MAX);
    Ok(DatabaseFacts { engine, version, size_bytes, connections, idle_connections, max_connections })
}

/// Open connections, idle connections, and the maximum.
pub(super) type Pool = (u32, usize, u32);

/// How long a pool must have no free connection before that is a fault: short peaks are
/// harmless.
const FULL_FOR: Duration = Duration::from_millis(250);

/// Interval between two checks of a full pool.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The state of the pool: at once if it has a free connection, or else after [`FULL_FOR`].
pub(super) async fn pool(db: &DatabaseConnection) -> Pool {
    let end = Instant::now() + FULL_FOR;
    loop {
        let pool = pool_now(db);
        if !is_full(pool) || Instant::now() >= end {
            return pool;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Whether every connection is in use. A pool of one is full whenever it is used.
const fn is_full((connections, idle, max): Pool) -> bool {
    max > 1 && connections >= max && idle == 0
}

/// The current state of the pool.
fn pool_now(db: &DatabaseConnection) -> Pool {
    match db.get_database_backend() {
        DatabaseBackend::Postgres => {
            let pool = db.get_postgres_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        }
        _ => {
            let pool = db.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        }
    }
}

impl DatabaseFacts {
    pub(super) fn assess(&self) -> Assessment {
        let pool = (self.connections, self.idle_connections as usize, self.max_connections);
        if is_full(pool) {
            degraded("NO_CONNECTION", "Every connection of this process is in use.")
        } else {
            HEALTHY
        }
    }
}
