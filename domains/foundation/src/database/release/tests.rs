use std::{future::poll_fn, path::Path, pin::pin, task::Poll, time::Duration};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
    sqlx::{self, Connection, Executor, Row, SqliteConnection},
};
use tempfile::TempDir;

use crate::database;

/// A pool of one connection, so that each step reuses the connection of the step before.
async fn fixture() -> (DatabaseConnection, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}?mode=rwc", file(folder.path()));
    let wait = Duration::from_secs(5);
    let db = database::connect(&url, 1, wait, wait).await.expect("connected");
    db.execute_unprepared("CREATE TABLE notes (text TEXT)").await.expect("created");
    (db, folder)
}

fn file(folder: &Path) -> String {
    folder.join("test.db").display().to_string()
}

async fn begin(db: &DatabaseConnection) -> DatabaseTransaction {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    db.begin_with_options(options).await.expect("begun")
}

async fn note(db: &impl ConnectionTrait, text: &str) {
    let sql = format!("INSERT INTO notes VALUES ('{text}')");
    db.execute_unprepared(&sql).await.expect("noted");
}

/// Inserts one note that is committed, one that is rolled back, and one without a
/// transaction.
async fn go_on(db: &DatabaseConnection) {
    let tx = begin(db).await;
    note(&tx, "committed").await;
    tx.commit().await.expect("committed");
    let tx = begin(db).await;
    note(&tx, "undone").await;
    drop(tx);
    note(db, "alone").await;
}

/// The notes that other connections see.
async fn seen(folder: &TempDir) -> Vec<String> {
    let mut other = SqliteConnection::connect(&file(folder.path())).await.expect("connected");
    let rows = other.fetch_all("SELECT text FROM notes ORDER BY rowid").await.expect("read");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_connection_whose_transaction_a_full_disk_undid_is_not_used_again() {
    let (db, folder) = fixture().await;
    let tx = begin(&db).await;
    tx.execute_unprepared("PRAGMA max_page_count = 1").await.expect("as large as it is");
    let large = tx.execute_unprepared("INSERT INTO notes VALUES (hex(randomblob(100000)))").await;
    assert!(large.expect_err("full").to_string().contains("full"));
    tx.commit().await.expect_err("nothing is left to commit");

    go_on(&db).await;

    assert_eq!(seen(&folder).await, ["committed", "alone"]);
}

#[tokio::test]
async fn a_commit_that_meets_a_lock_is_undone_and_nothing_else() {
    let (db, folder) = fixture().await;
    // With a rollback journal SQLite does not commit while another connection reads.
    db.execute_unprepared("PRAGMA journal_mode = DELETE; PRAGMA busy_timeout = 0").await.expect("set");
    let mut reader = SqliteConnection::connect(&file(folder.path())).await.expect("connected");
    reader.execute("BEGIN").await.expect("begun");
    reader.fetch_all("SELECT text FROM notes").await.expect("read");
    let tx = begin(&db).await;
    note(&tx, "in the way").await;
    tx.commit().await.expect_err("locked");
    reader.execute("COMMIT").await.expect("ended");

    go_on(&db).await;

    assert_eq!(seen(&folder).await, ["committed", "alone"]);
}

#[tokio::test]
async fn a_begin_that_nobody_waits_for_leaves_no_transaction() {
    let (db, folder) = fixture().await;
    let texts: Vec<String> = (0..16).map(|polls| polls.to_string()).collect();

    for (polls, text) in texts.iter().enumerate() {
        {
            let mut begun = pin!(begin(&db));
            for _ in 0..polls {
                if poll_fn(|context| Poll::Ready(begun.as_mut().poll(context).is_ready())).await {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        note(&db, text).await;
    }

    assert_eq!(seen(&folder).await, texts);
}

#[tokio::test]
async fn a_connection_without_a_transaction_is_kept() {
    let (db, _folder) = fixture().await;
    db.execute_unprepared("PRAGMA cache_size = -4321").await.expect("marked");

    go_on(&db).await;

    let mut held = db.get_sqlite_connection_pool().acquire().await.expect("the one");
    let size: i64 = sqlx::query_scalar("PRAGMA cache_size").fetch_one(&mut *held).await.expect("read");
    assert_eq!(size, -4321);
}
