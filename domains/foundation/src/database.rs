//! Connecting to the database and bringing its schema up to date.

mod cause;
mod pooling;
mod readonly;
mod release;
mod session;

use std::{collections::HashSet, path::PathBuf, sync::Arc, time::Duration};

use atelier_migration::Migrator;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, Statement,
    sqlx::{self, postgres::PgConnectOptions, sqlite::SqliteConnectOptions},
};
use sea_orm_migration::{MigratorTrait, SchemaManager};

use readonly::Readonly;

pub use cause::{describe, is_forbidden};
pub use pooling::{SharedSessions, ensure_own_sessions};

/// Connects to SQLite (`sqlite://…`, kept in WAL with foreign keys on) or PostgreSQL
/// (`postgres://…`, with a bound on each statement and on each pause within a
/// transaction). `acquire` is the longest wait for one of `max_connections`.
///
/// # Errors
/// The cause of the failure, even if the pool only reports a timeout.
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
        let readonly = Readonly::default();
        options.map_sqlx_sqlite_pool_opts(move |pool| {
            let (opened, returned) = (readonly.clone(), readonly.clone());
            // The pool asks each connection that comes back, and nothing breaks one in the pool.
            pool.test_before_acquire(false)
                .after_connect(move |held, _| {
                    let readonly = opened.clone();
                    Box::pin(async move { readonly.mark(held).await })
                })
                .after_release(move |held, _| {
                    let readonly = returned.clone();
                    Box::pin(
                        async move { Ok(release::is_free(held).await? && !readonly.is_marked(held).await?) },
                    )
                })
        });
        return Database::connect(options).await;
    }
    let script: Arc<str> = session::script(statement).into();
    let set_up = script.clone();
    options.set_application_name(session::APPLICATION);
    options.map_sqlx_postgres_opts(without_unknown_parameters);
    options.map_sqlx_postgres_pool_opts(move |pool| {
        let set_up = set_up.clone();
        pool.test_before_acquire(false)
            .after_connect(move |held, _| {
                let set_up = set_up.clone();
                Box::pin(async move { session::set_up(held, &set_up).await })
            })
            .before_acquire(|held, about| {
                Box::pin(async move { Ok(about.idle_for < TRUSTED || release::answers_free(held).await?) })
            })
            .after_release(|held, _| Box::pin(release::is_reusable(held)))
    });
    match Database::connect(options).await {
        Err(error) if cause::is_timeout(&error) => Err(cause::find(url, &script, acquire).await),
        connected => connected,
    }
}

/// The options of a separate connection outside of the pool.
fn plain(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    Ok(without_unknown_parameters(options.application_name(session::APPLICATION)))
}

/// Poolers refuse a connection with startup parameters that they do not know. PostgreSQL 12
/// and newer write floats in full without this one.
fn without_unknown_parameters(options: PgConnectOptions) -> PgConnectOptions {
    options.extra_float_digits(None)
}

/// Rows that SQLite's thread may read ahead. A batch of the queue fits, so that the two
/// threads do not wait for each other at every row.
const SQLITE_ROWS: usize = 1_000;

/// How long an idle connection is assumed to be alive without a check. The pool hands out the
/// connection that was idle longest, so a shorter time would check each one under light load.
const TRUSTED: Duration = Duration::from_millis(50);

/// The file of an SQLite URL. None if the database is in memory or is not SQLite.
#[must_use]
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    if !url.starts_with("sqlite:") || url.contains(":memory:") || url.contains("mode=memory") {
        return None;
    }
    let options: SqliteConnectOptions = url.parse().ok()?;
    Some(options.get_filename().to_owned()).filter(|file| !file.as_os_str().is_empty())
}

/// Applies every migration that was not applied yet.
pub async fn migrate(db: &DatabaseConnection) -> Result<(), DbErr> {
    Migrator::up(db, None).await
}

/// The migrations of this version that are not applied yet, oldest first: all of them if
/// the database is empty, none if a later version has migrated it.
///
/// # Errors
/// If the database fails.
pub async fn pending(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let applied = "SELECT version FROM seaql_migrations";
    let applied = match db.query_all_raw(Statement::from_string(db.get_database_backend(), applied)).await {
        Ok(applied) => applied,
        Err(_) if !SchemaManager::new(db).has_table("seaql_migrations").await? => Vec::new(),
        Err(error) => return Err(error),
    };
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

    #[test]
    fn finds_the_file_of_a_database() {
        for (url, file) in [
            ("sqlite://./data/atelier.db?mode=rwc", Some("./data/atelier.db")),
            ("sqlite:///srv/100%25%20atelier/a%3F.db", Some("/srv/100% atelier/a?.db")),
            ("sqlite:a.db", Some("a.db")),
            ("sqlite::memory:", None),
            ("sqlite://a?mode=memory", None),
            ("postgres://db/atelier", None),
        ] {
            assert_eq!(sqlite_file(url).as_deref(), file.map(std::path::Path::new), "{url}");
        }
    }

    #[tokio::test]
    async fn a_schema_that_is_behind_is_told_by_what_it_lacks() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
        let wait = Duration::from_secs(5);
        let db = connect(&url, 4, wait, wait).await.expect("connected");
        let all = pending(&db).await.expect("told");
        assert_eq!((all[0].as_str(), all.len()), ("m0001_accounts", Migrator::migrations().len()));
        migrate(&db).await.expect("migrated");
        assert_eq!(pending(&db).await.expect("told"), Vec::<String>::new());

        let later = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)";
        db.execute_unprepared(later).await.expect("a later version");
        assert_eq!(pending(&db).await.expect("told"), Vec::<String>::new());
        let newest = all.last().expect("a migration");
        let earlier = format!("DELETE FROM seaql_migrations WHERE version = '{newest}'");
        db.execute_unprepared(&earlier).await.expect("an earlier version");
        assert_eq!(pending(&db).await.expect("told"), [newest.as_str()]);
    }

    #[tokio::test]
    async fn migrations_that_are_interrupted_go_on_at_the_next_start() {
        let wait = Duration::from_secs(5);
        for millis in (0..40).step_by(4) {
            let folder = tempfile::tempdir().expect("a folder");
            let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
            let db = connect(&url, 4, wait, wait).await.expect("connected");
            let _interrupted = tokio::time::timeout(Duration::from_millis(millis), migrate(&db)).await;
            db.close().await.expect("closed");

            let db = connect(&url, 4, wait, wait).await.expect("connected");
            migrate(&db).await.unwrap_or_else(|error| panic!("after {millis} ms: {error}"));
            assert_eq!(pending(&db).await.expect("told"), Vec::<String>::new());
        }
    }
}
