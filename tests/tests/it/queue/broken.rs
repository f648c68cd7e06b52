//! Transactions with a failed statement.

use std::task::Poll;

use atelier_entities::JobId;
use atelier_queue::{QueueError, Transaction, Transient, count_commits};
use futures::poll;
use sea_orm::{ConnectionTrait, DbErr};

use super::{fixture::Fixture, scripted::scripted};

async fn exist(fixture: &Fixture, ids: &[JobId]) -> Vec<bool> {
    let mut there = Vec::new();
    for id in ids {
        there.push(fixture.queue.find_job(*id, None).await.expect("a database").is_some());
    }
    there
}

async fn enqueue(tx: &Transaction, name: &str) -> Result<JobId, QueueError> {
    tx.enqueue(scripted(name)).await.map(|enqueued| enqueued.id)
}

/// A statement that violates a constraint.
async fn violate(tx: &Transaction) -> Result<(), DbErr> {
    tx.execute_unprepared("INSERT INTO throttles (key, job_id, until) VALUES (NULL, NULL, NULL)")
        .await
        .map(drop)
}

pub(super) async fn a_transaction_ends_with_its_first_error(fixture: Fixture) {
    let tx = fixture.queue.begin().await.expect("a transaction");
    let before = enqueue(&tx, "before").await.expect("enqueued");
    let fault = violate(&tx).await.expect_err("refused");

    let after = enqueue(&tx, "after").await.expect_err("the transaction is over");
    assert_eq!(after.to_string(), QueueError::from(fault.clone()).to_string());
    let committed = tx.commit().await.expect_err("nothing is committed");
    assert_eq!(committed.to_string(), QueueError::from(fault).to_string());

    let tx = fixture.queue.begin().await.expect("a transaction");
    let next = enqueue(&tx, "next").await.expect("enqueued");
    tx.commit().await.expect("committed");
    assert_eq!(exist(&fixture, &[before, next]).await, [false, true]);
}

pub(super) async fn a_failed_part_of_deferred_work_is_rolled_back_alone(fixture: Fixture) {
    let (ids, done) = fixture
        .queue
        .defer(async {
            let tx = fixture.queue.begin().await.expect("a transaction");
            let kept = enqueue(&tx, "kept").await.expect("enqueued");
            tx.commit().await.expect("kept");
            let tx = fixture.queue.begin().await.expect("a part");
            let undone = enqueue(&tx, "undone").await.expect("enqueued");
            violate(&tx).await.expect_err("refused");
            tx.commit().await.expect_err("the part is over");
            let tx = fixture.queue.begin().await.expect("a part");
            let last = enqueue(&tx, "last").await.expect("enqueued");
            tx.commit().await.expect("kept");
            [kept, undone, last]
        })
        .await;
    done.expect("a transaction").commit().await.expect("committed");

    assert_eq!(exist(&fixture, &ids).await, [true, false, true]);
}

pub(super) async fn a_dropped_statement_ends_its_transaction(fixture: Fixture) {
    let tx = fixture.queue.begin().await.expect("a transaction");
    let before = enqueue(&tx, "before").await.expect("enqueued");
    let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) \
        SELECT count(*) FROM n";
    let mut given_up = Box::pin(tx.execute_unprepared(long));
    assert!(matches!(poll!(&mut given_up), Poll::Pending));
    drop(given_up);

    let after = enqueue(&tx, "after").await.expect_err("the transaction is over");
    assert_eq!(Transient::of(&after), Some(Transient::Outage));
    tx.commit().await.expect_err("nothing is committed");

    assert_eq!(exist(&fixture, &[before]).await, [false]);
}

pub(super) async fn commits_are_counted(fixture: Fixture) {
    let (_undone, none) = count_commits(async {
        let tx = fixture.queue.begin().await.expect("a transaction");
        enqueue(&tx, "undone").await.expect("enqueued");
        tx.rollback().await.expect("undone");
    })
    .await;
    let (_done, alone) = count_commits(fixture.queue.enqueue(scripted("alone"))).await;
    let deferred = fixture.queue.defer(fixture.queue.enqueue(scripted("kept")));
    let ((_kept, done), kept) = count_commits(deferred).await;
    done.expect("a transaction").commit().await.expect("committed");

    assert_eq!((none, alone, kept), (0, 1, 1));
}

#[tokio::test]
async fn a_failure_that_rolls_back_everything_leaves_nothing_to_commit() {
    let fixture = Fixture::sqlite_in_process().await;
    let (ids, done) = fixture
        .queue
        .defer(async {
            let tx = fixture.queue.begin().await.expect("a transaction");
            let first = enqueue(&tx, "first").await.expect("enqueued");
            tx.commit().await.expect("kept");
            let tx = fixture.queue.begin().await.expect("a part");
            tx.execute_unprepared("PRAGMA max_page_count = 1").await.expect("as large as it is");
            let large =
                "INSERT INTO throttles (key, job_id, until) VALUES (hex(randomblob(100000)), x'', '')";
            let full = tx.execute_unprepared(large).await.expect_err("full");
            assert_eq!(Transient::of(&full), Some(Transient::Outage), "{full}");
            drop(tx);
            fixture.queue.begin().await.expect_err("the whole is over");
            [first]
        })
        .await;

    done.expect("what was kept").commit().await.expect_err("it was undone");
    assert_eq!(exist(&fixture, &ids).await, [false]);
}
