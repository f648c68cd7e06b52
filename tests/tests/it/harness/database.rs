use atelier_tests::TestDatabase;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};

async fn count(connection: &DatabaseConnection, sql: &str) -> i64 {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.expect("the query runs").expect("a row");
    row.try_get_by_index(0).expect("a number")
}

const CREATE_MARK: &str = "CREATE TABLE mark (id BIGINT PRIMARY KEY)";

#[tokio::test]
async fn each_postgres_database_is_migrated_and_separate() {
    let (one, two) = tokio::join!(TestDatabase::create(), TestDatabase::create());
    one.connection.execute_unprepared(CREATE_MARK).await.expect("the table is created");
    let marks = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'mark'";
    assert_eq!(count(&one.connection, marks).await, 1);
    assert_eq!(count(&two.connection, marks).await, 0);
    assert_eq!(count(&two.connection, "SELECT count(*) FROM jobs").await, 0);
}

#[tokio::test]
async fn dropping_a_postgres_database_closes_its_connections() {
    let observer = TestDatabase::create().await;
    let dropped = TestDatabase::create().await;
    let other = dropped.connect().await;
    let url = dropped.url.clone();
    drop(dropped);
    assert!(other.execute_unprepared("SELECT 1").await.is_err());
    assert!(Database::connect(&url).await.is_err());
    let name = url.rsplit('/').next().expect("the URL names the database");
    let sql = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(count(&observer.connection, &sql).await, 0);
}

#[tokio::test]
async fn a_sqlite_database_is_migrated_and_in_wal_mode() {
    let database = TestDatabase::sqlite().await;
    assert_eq!(count(&database.connect().await, "SELECT count(*) FROM jobs").await, 0);
    let statement = Statement::from_string(DbBackend::Sqlite, "PRAGMA journal_mode");
    let row = database.connection.query_one_raw(statement).await.expect("the pragma runs").expect("a row");
    assert_eq!(row.try_get_by_index::<String>(0).expect("text"), "wal");
}
