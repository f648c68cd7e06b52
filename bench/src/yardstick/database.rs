//! The product's database by its driver alone.

use std::{str::FromStr, time::Duration};

use sea_orm::sqlx::{
    self, PgPool, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// How long a write waits for the product's own.
const BUSY_LIMIT: Duration = Duration::from_secs(5);

/// Connections to either database.
pub(super) enum Database {
    Postgres(PgPool),
    /// SQLite has one writer at a time: writes take turns on a connection of their own.
    Sqlite {
        reads: SqlitePool,
        writes: SqlitePool,
    },
}

impl Database {
    /// Connects to `postgres://…` or `sqlite://…`, the latter as durable as the product's.
    pub(super) async fn connect(url: &str, connections: u32) -> sqlx::Result<Self> {
        if !url.starts_with("sqlite:") {
            let options = PgPoolOptions::new().max_connections(connections).test_before_acquire(false);
            return options.connect(url).await.map(Self::Postgres);
        }
        let options = SqliteConnectOptions::from_str(url)?
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_LIMIT);
        let pool =
            |connections| SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false);
        let reads = pool(connections).connect_with(options.clone()).await?;
        let writes = pool(1).connect_with(options).await?;
        Ok(Self::Sqlite { reads, writes })
    }
}

/// Reads from either database: the same statements by another driver's types.
macro_rules! read_from {
    ($database:expr, $pool:ident => $read:expr) => {
        match $database {
            Database::Postgres($pool) => $read,
            Database::Sqlite { reads: $pool, .. } => $read,
        }
    };
}

pub(super) use read_from;
