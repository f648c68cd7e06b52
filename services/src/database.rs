//! Connecting to the database and bringing its schema up to date.

use std::{collections::HashSet, time::Duration};

use atelier_migration::Migrator;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, Statement,
    sqlx::{self, Connection, PgConnection},
};
use sea_orm_migration::MigratorTrait;

/// Connects to SQLite (`sqlite://…`, kept in WAL with foreign keys on) or PostgreSQL
/// (`postgres://…`, with a bound on each statement and on each pause within a
/// transaction). `acquire` is the longest wait
/// for one of `max_connections`.
pub async fn connect(
    url: &str,
    max_connections: u32,
    acquire: Duration,
    statement: Duration,
) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(max_connections.max(1))
        .connect_timeout(acquire)
        .acquire_timeout(acquire)
        .sqlx_logging(false);
    if url.starts_with("sqlite:") {
        options.map_sqlx_sqlite_opts(|options| {
            options
                .pragma("journal_mode", "WAL")
                .pragma("synchronous", "FULL")
                .pragma("foreign_keys", "ON")
                .busy_timeout(Duration::from_secs(5))
                .row_buffer_size(SQLITE_ROWS)
        });
    } else {
        options.statement_timeout(statement).set_application_name("atelier");
        options.map_sqlx_postgres_opts(move |options| options.options(session(statement)));
        options.map_sqlx_postgres_pool_opts(|pool| {
            pool.test_before_acquire(false)
                .before_acquire(|held, about| {
                    Box::pin(async move { Ok(about.idle_for < TRUSTED || answers(held).await?) })
                })
                .after_release(|held, _| Box::pin(answers(held)))
        });
    }
    Database::connect(options).await
}

/// Rows that SQLite's thread may be ahead of whoever reads them: a batch of the queue's
/// passes without the two waiting for each other at every turn.
const SQLITE_ROWS: usize = 1_000;

/// What makes the server give up a session whose client is gone without a word, and
/// with it the locks of its transaction: others would wait for them until TCP notices,
/// after hours.
fn session(statement: Duration) -> [(&'static str, String); 4] {
    [
        ("idle_in_transaction_session_timeout", statement.as_millis().to_string()),
        ("tcp_keepalives_idle", "15".to_owned()),
        ("tcp_keepalives_interval", "5".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
    ]
}

/// Longest a connection may take to show that it still lives.
const ANSWER_BOUND: Duration = Duration::from_millis(500);

/// How long a connection that lies in the pool is taken to live without asking.
const TRUSTED: Duration = Duration::from_millis(5);

/// Whether a connection still answers, asked on its way back to the pool, and on its
/// way out where it has lain there for a while. The pool asks the same by itself, but
/// without a bound: connections that fell silent would hold up whoever gets one, and
/// stay away with their place in the pool.
async fn answers(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(ANSWER_BOUND, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(late) => Err(sqlx::Error::Io(std::io::Error::other(late))),
    }
}

/// Applies every migration that was not applied yet.
pub async fn migrate(db: &DatabaseConnection) -> Result<(), DbErr> {
    Migrator::up(db, None).await
}

/// Migrations of this version that the database does not have yet, the oldest first. One
/// that is ahead, since a later version runs beside this one, has them all.
pub async fn pending(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let applied = "SELECT version FROM seaql_migrations";
    let applied = db.query_all_raw(Statement::from_string(db.get_database_backend(), applied)).await?;
    let applied: HashSet<String> =
        applied.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
    let names = Migrator::migrations().into_iter().map(|migration| migration.name().to_owned());
    Ok(names.filter(|name| !applied.contains(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sqlite_is_durable_and_keeps_foreign_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
        let wait = Duration::from_secs(5);
        let db = connect(&url, 4, wait, wait).await.expect("connected");
        migrate(&db).await.expect("migrated");
        migrate(&db).await.expect("a second time changes nothing");

        for (pragma, expected) in [("foreign_keys", "1"), ("synchronous", "2"), ("journal_mode", "wal")] {
            let query = format!("SELECT CAST({pragma} AS TEXT) AS value FROM pragma_{pragma}");
            let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), query)).await;
            let value: String = row.expect("asked").expect("a row").try_get("", "value").expect("text");
            assert_eq!(value, expected, "{pragma}");
        }
    }

    #[tokio::test]
    async fn a_schema_that_is_behind_is_told_by_what_it_lacks() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
        let wait = Duration::from_secs(5);
        let db = connect(&url, 4, wait, wait).await.expect("connected");
        assert!(pending(&db).await.is_err(), "nothing was ever migrated");
        migrate(&db).await.expect("migrated");
        assert_eq!(pending(&db).await.expect("told"), Vec::<String>::new());

        let later = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)";
        db.execute_unprepared(later).await.expect("a later version");
        assert_eq!(pending(&db).await.expect("told"), Vec::<String>::new());
        let earlier = "DELETE FROM seaql_migrations WHERE version LIKE 'm0014%'";
        db.execute_unprepared(earlier).await.expect("an earlier version");
        assert_eq!(pending(&db).await.expect("told"), ["m0014_known_networks"]);
    }
}
