//! The pool of PostgreSQL connections: what returns to it, and the settings of its sessions.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use atelier_foundation::database;
use atelier_queue::{Effects, Queue, QueueOptions, Transient, bus::LocalBus, transport::InProcess};
use atelier_tests::TestDatabase;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement, TransactionTrait};

use crate::sources;

/// A pool like that of a process, with one connection.
async fn pool(database: &TestDatabase) -> DatabaseConnection {
    let wait = Duration::from_secs(30);
    database::connect(&database.url, 1, wait, wait).await.expect("connected")
}

async fn text(db: &impl ConnectionTrait, sql: &str) -> String {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await.expect("asked").expect("a row");
    row.try_get_by_index(0).expect("a text")
}

async fn note(db: &impl ConnectionTrait, text: &str) -> Result<(), DbErr> {
    let sql = format!("INSERT INTO notes VALUES ('{text}')");
    db.execute_unprepared(&sql).await.map(drop)
}

/// The committed notes, in their order.
async fn committed_notes(database: &TestDatabase) -> String {
    text(&database.connection, "SELECT COALESCE(string_agg(text, ' ' ORDER BY number), '') FROM notes").await
}

async fn setup() -> (TestDatabase, DatabaseConnection) {
    let database = TestDatabase::create().await;
    let table = "CREATE TABLE notes (text TEXT, number SERIAL)";
    database.connection.execute_unprepared(table).await.expect("created");
    let db = pool(&database).await;
    (database, db)
}

/// A queue on that pool, which begins transactions as every command does.
fn queue_on(db: &DatabaseConnection) -> Queue {
    let (transport, bus) = (Arc::new(InProcess::default()), Arc::new(LocalBus::default()));
    Queue::new(db.clone(), transport, bus, Effects::default(), QueueOptions::default())
}

#[tokio::test]
async fn a_dropped_begin_leaves_no_transaction_on_postgres() {
    let (database, db) = setup().await;
    let queue = queue_on(&db);
    let texts: Vec<String> = (0..16).map(|polls| polls.to_string()).collect();

    for (polls, text) in texts.iter().enumerate() {
        {
            let mut begun = pin!(queue.begin());
            for _ in 0..polls {
                if poll_fn(|context| Poll::Ready(begun.as_mut().poll(context).is_ready())).await {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        note(&db, text).await.expect("noted");
    }

    assert_eq!(committed_notes(&database).await, texts.join(" "));
}

#[tokio::test]
async fn a_broken_connection_ends_its_transaction() {
    let (database, db) = setup().await;
    let queue = queue_on(&db);
    let tx = queue.begin().await.expect("begun");
    note(&*tx, "lost").await.expect("noted");
    let session = text(&*tx, "SELECT pg_backend_pid()::text").await;
    let end = format!("SELECT pg_terminate_backend({session})");
    database.connection.execute_unprepared(&end).await.expect("ended");
    let broken = note(&*tx, "lost too").await.expect_err("the session is gone");
    assert_eq!(Transient::of(&broken), Some(Transient::Outage), "{broken}");
    note(&*tx, "later").await.expect_err("nothing more is done in it");
    tx.commit().await.expect_err("nothing is left to commit");

    note(&db, "alone").await.expect("another connection is used");
    let tx = queue.begin().await.expect("begun");
    note(&*tx, "committed").await.expect("noted");
    tx.commit().await.expect("committed");

    assert_eq!(committed_notes(&database).await, "alone committed");
}

#[tokio::test]
async fn sessions_use_read_committed_with_any_default_isolation() {
    let (database, db) = setup().await;
    db.close().await.expect("closed");
    let name = database.url.rsplit('/').next().expect("a name").split('?').next().expect("a name");
    for preferred in ["serializable", "repeatable read"] {
        let prefer = format!("ALTER DATABASE {name} SET default_transaction_isolation = '{preferred}'");
        database.connection.execute_unprepared(&prefer).await.expect("set");

        let db = pool(&database).await;
        let tx = db.begin().await.expect("begun");

        assert_eq!(text(&tx, "SHOW transaction_isolation").await, "read committed");
        tx.rollback().await.expect("undone");
        assert_eq!(text(&db, "SHOW transaction_isolation").await, "read committed");
        db.close().await.expect("closed");
    }
}

#[tokio::test]
async fn a_connection_without_a_transaction_is_kept_on_postgres() {
    let (_database, db) = setup().await;
    let queue = queue_on(&db);
    let session = text(&db, "SELECT pg_backend_pid()::text").await;

    let tx = queue.begin().await.expect("begun");
    note(&*tx, "committed").await.expect("noted");
    tx.commit().await.expect("committed");
    let tx = queue.begin().await.expect("begun");
    note(&*tx, "undone").await.expect("noted");
    drop(tx);
    note(&db, "alone").await.expect("noted");

    assert_eq!(text(&db, "SELECT pg_backend_pid()::text").await, session);
}

/// The queue completes each BEGIN. One that is dropped half-way leaves its connection in a
/// transaction that the driver does not know of.
#[test]
fn transactions_begin_in_the_queue_alone() {
    let forbidden =
        [".begin_with_options(", ".begin_with_config(", "db().begin(", "db.begin(", ".transaction("];
    let allowed = std::path::Path::new("queue/src/queue.rs");
    let files = sources::list_files("rs").into_iter().filter(|file| {
        ["api/src", "domains", "ops/src", "providers/src", "queue/src", "services/src", "worker/src"]
            .iter()
            .chain(&["scheduler/src", "server/src"])
            .any(|folder| file.starts_with(folder))
            && file != allowed
            && !file.ends_with("tests.rs")
    });
    let found: Vec<String> = files
        .flat_map(|file| {
            let text = sources::read(&file);
            let hits = forbidden.into_iter().filter(|call| text.contains(call));
            hits.map(|call| format!("{}: {call}", file.display())).collect::<Vec<_>>()
        })
        .collect();

    assert!(found.is_empty(), "{found:#?}");
}

/// A model's `insert` and `update` read back the row they wrote. The driver then does not notice
/// whether a statement outside a transaction was committed.
#[test]
fn no_single_statement_reads_back_the_row_it_wrote() {
    let forbidden = [".insert(self.queue.db())", ".update(self.queue.db())", ".insert(db)", ".update(db)"];
    let files = sources::list_files("rs").into_iter().filter(|file| {
        ["domains", "services/src", "worker/src", "scheduler/src", "server/src"]
            .iter()
            .any(|folder| file.starts_with(folder))
    });
    let found: Vec<String> = files
        .flat_map(|file| {
            let text = sources::read(&file);
            let hits = forbidden.into_iter().filter(|call| text.contains(call));
            hits.map(|call| format!("{}: {call}", file.display())).collect::<Vec<_>>()
        })
        .collect();

    assert!(found.is_empty(), "{found:#?}");
}
