//! A migrated database for each test.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use atelier_migration::Migrator;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use sea_orm_migration::MigratorTrait;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

use crate::environment;

/// Databases that are older than any test run are leftovers.
const LEFTOVER_AGE: Duration = Duration::from_secs(3600);
const NAME_PREFIX: &str = "atelier_test_";

/// The name of the migrated database that this process clones.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A migrated, empty database that lives as long as this value.
pub struct TestDatabase {
    /// A pool of at most ten connections.
    pub connection: DatabaseConnection,
    /// The URL for another process or pool.
    pub url: String,
    backend: Backend,
}

enum Backend {
    Postgres { admin_url: String, name: String },
    Sqlite { _folder: TempDir },
}

impl TestDatabase {
    /// A PostgreSQL database, cloned from a template that is migrated once per
    /// process. Dropping the value drops the database and closes its connections.
    ///
    /// # Panics
    /// If TEST_DATABASE_URL is not set or the database cannot be created.
    pub async fn create() -> Self {
        let admin_url = environment::database_url();
        let template = TEMPLATE.get_or_init(|| create_template(&admin_url)).await;
        let name = database_name(unix_now());
        execute(&admin_url, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        let url = with_database(&admin_url, &name);
        let connection = connect(&url, 10).await;
        Self { connection, url, backend: Backend::Postgres { admin_url, name } }
    }

    /// A SQLite file in a temporary folder, in WAL mode.
    ///
    /// # Panics
    /// If the file cannot be created or migrated.
    pub async fn sqlite() -> Self {
        let folder = TempDir::with_prefix("atelier-test-").expect("a temporary folder can be created");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("atelier.db").display());
        let connection = connect(&url, 10).await;
        connection.execute_unprepared("PRAGMA journal_mode = WAL").await.expect("SQLite accepts WAL");
        Migrator::up(&connection, None).await.expect("the migrations run on SQLite");
        Self { connection, url, backend: Backend::Sqlite { _folder: folder } }
    }

    /// Another pool on the same database, as a second process would have.
    ///
    /// # Panics
    /// If the connection fails.
    pub async fn connect(&self) -> DatabaseConnection {
        connect(&self.url, 10).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Backend::Postgres { admin_url, name } = &self.backend else { return };
        let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let admin_url = admin_url.clone();
        // A runtime cannot be entered within another one, hence the thread. An error here would
        // hide the failure of the test; leftovers are dropped by a later run.
        let _ = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(try_execute(&admin_url, &sql)).ok()
        })
        .join();
    }
}

async fn connect(url: &str, max_connections: u32) -> DatabaseConnection {
    try_connect(url, max_connections)
        .await
        .unwrap_or_else(|error| panic!("no connection for a test: {error}"))
}

async fn try_connect(url: &str, max_connections: u32) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(max_connections).acquire_timeout(Duration::from_secs(30)).sqlx_logging(false);
    Database::connect(options).await
}

async fn execute(url: &str, sql: &str) {
    try_execute(url, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn try_execute(url: &str, sql: &str) -> Result<(), DbErr> {
    let connection = try_connect(url, 1).await?;
    let result = connection.execute_unprepared(sql).await;
    connection.close().await?;
    result.map(|_| ())
}

async fn create_template(admin_url: &str) -> String {
    drop_leftovers(admin_url).await;
    let name = database_name(unix_now());
    execute(admin_url, &format!("CREATE DATABASE {name}")).await;
    let connection = connect(&with_database(admin_url, &name), 1).await;
    Migrator::up(&connection, None).await.expect("the migrations run on PostgreSQL");
    connection.close().await.expect("the template's connection closes");
    execute(admin_url, &format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")).await;
    name
}

/// Drops the databases that earlier runs left on a long-lived server.
async fn drop_leftovers(admin_url: &str) {
    let connection = connect(admin_url, 1).await;
    let statement = Statement::from_string(DbBackend::Postgres, "SELECT datname::text FROM pg_database");
    let rows = connection.query_all_raw(statement).await.expect("the databases can be listed");
    let now = unix_now();
    for name in rows.iter().filter_map(|row| row.try_get_by_index::<String>(0).ok()) {
        if is_leftover(&name, now) {
            // Another process may drop the same database.
            let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let _ = connection.execute_unprepared(&sql).await;
        }
    }
    connection.close().await.expect("the connection closes");
}

fn unix_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn database_name(now: Duration) -> String {
    format!("{NAME_PREFIX}{}_{}", now.as_secs(), Uuid::new_v4().simple())
}

fn is_leftover(name: &str, now: Duration) -> bool {
    name.strip_prefix(NAME_PREFIX)
        .and_then(|rest| rest.split_once('_'))
        .and_then(|(created, _)| created.parse().ok())
        .is_some_and(|created| now.saturating_sub(Duration::from_secs(created)) > LEFTOVER_AGE)
}

fn with_database(admin_url: &str, name: &str) -> String {
    let mut url = Url::parse(admin_url).expect("TEST_DATABASE_URL is a URL");
    url.set_path(name);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_only_databases_of_old_runs() {
        let now = Duration::from_secs(1_000_000);
        let old = database_name(now - Duration::from_secs(3601));
        let young = database_name(now - Duration::from_secs(3600));
        let cases = [
            (old.as_str(), true),
            (young.as_str(), false),
            ("atelier_test_9999999_from_a_clock_ahead", false),
            ("atelier_test_1", false),
            ("atelier_test_x_y", false),
            ("atelier", false),
            ("postgres", false),
        ];
        for (name, expected) in cases {
            assert_eq!(is_leftover(name, now), expected, "{name}");
        }
    }

    #[test]
    fn keeps_the_credentials_and_options_of_the_url() {
        assert_eq!(
            with_database("postgres://u:p@127.0.0.1:5433/postgres?sslmode=disable", "one"),
            "postgres://u:p@127.0.0.1:5433/one?sslmode=disable"
        );
    }
}
