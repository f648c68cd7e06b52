//! An SQLite database without space, or that accepts no writes.

use std::{sync::Arc, time::Duration};

use atelier_foundation::database;
use atelier_queue::{Effects, Fault, Queue, QueueOptions, bus::LocalBus, transport::InProcess};
use atelier_tests::until;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use tempfile::TempDir;

use super::scripted::scripted;

/// A queue with a single connection, so that its pragmas apply to all statements.
async fn queue() -> (Queue, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
    let wait = Duration::from_secs(5);
    let db = database::connect(&url, 1, wait, wait).await.expect("connected");
    database::migrate(&db).await.expect("migrated");
    let transport = Arc::new(InProcess::default());
    let bus = Arc::new(LocalBus::default());
    (Queue::new(db, transport, bus, Effects::default(), QueueOptions::default()), folder)
}

async fn pragma(db: &DatabaseConnection, text: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), format!("PRAGMA {text}")));
    row.await.expect("asked").map_or(0, |row| row.try_get_by_index(0).expect("a number"))
}

async fn until_it_is(queue: &Queue, fault: Option<Fault>) {
    until("it is reported", async || (queue.database_fault().await == fault).then_some(())).await;
}

#[tokio::test]
async fn a_read_only_sqlite_is_reported() {
    let (queue, _folder) = queue().await;
    assert_eq!(queue.database_fault().await, None);

    pragma(queue.db(), "query_only = 1").await;
    until_it_is(&queue, Some(Fault::ReadOnly)).await;
    pragma(queue.db(), "query_only = 0").await;
    until_it_is(&queue, None).await;
}

#[tokio::test]
async fn a_full_sqlite_is_reported_until_it_has_space() {
    let (queue, _folder) = queue().await;
    assert_eq!(queue.database_fault().await, None);
    let pages = pragma(queue.db(), "page_count").await;
    pragma(queue.db(), &format!("max_page_count = {pages}")).await;

    // Existing pages have space for some jobs.
    let mut enqueued = 0;
    while queue.enqueue(scripted("one").owned_by(atelier_entities::UserId::new())).await.is_ok() {
        enqueued += 1;
        assert!(enqueued < 10_000, "it is never full");
    }

    assert_eq!(queue.database_fault().await, Some(Fault::Full));
    pragma(queue.db(), "max_page_count = 1000000").await;
    until_it_is(&queue, None).await;
    queue.enqueue(scripted("one")).await.expect("enqueued");
}
