//! Lock waits on PostgreSQL.

use std::time::Duration;

use atelier_entities::JobState;
use atelier_queue::inspect::BulkAction;
use atelier_tests::until_statements_wait;
use uuid::Uuid;

use super::{fixture::Fixture, scripted::scripted};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_about_several_subjects_are_locked_in_the_order_of_their_ids() {
    let fixture = Fixture::postgres_in_process().await;
    let subjects = [Uuid::now_v7(), Uuid::now_v7()];
    let first = fixture.queue.enqueue(scripted("first").about(subjects[1])).await.expect("enqueued").id;
    let second = fixture.queue.enqueue(scripted("second").about(subjects[0])).await.expect("enqueued").id;

    let one_by_one = fixture.queue.begin().await.expect("a transaction");
    one_by_one.cancel(first, None).await.expect("cancelled");
    let queue = fixture.queue.clone();
    let at_once = tokio::spawn(async move {
        let tx = queue.begin().await?;
        tx.cancel_about(&subjects).await?;
        tx.commit().await
    });
    until_statements_wait(fixture.queue.db(), 1).await;
    one_by_one.cancel(second, None).await.expect("no transaction locks it while it waits for the first");
    one_by_one.commit().await.expect("committed");

    at_once.await.expect("no panic").expect("it comes after the other one");
    for id in [first, second] {
        assert_eq!(fixture.job(id).await.state, JobState::Cancelled);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_cancel_skips_locked_jobs_and_tries_them_last() {
    let fixture = Fixture::postgres_in_process().await;
    let mut ids = Vec::new();
    for name in ["first", "second", "third"] {
        ids.push(fixture.queue.enqueue(scripted(name)).await.expect("enqueued").id);
    }
    let lock = fixture.queue.begin().await.expect("a transaction");
    lock.cancel(ids[1], None).await.expect("cancelled");

    let tx = fixture.queue.begin().await.expect("a transaction");
    let skipping = tx.cancel_many(&ids).await.expect("it waits for no lock");
    tx.rollback().await.expect("rolled back");
    let (queue, all) = (fixture.queue.clone(), ids.clone());
    let at_once = tokio::spawn(async move { queue.bulk(BulkAction::Cancel, &all).await });
    until_statements_wait(fixture.queue.db(), 1).await;
    let others = [fixture.job(ids[0]).await.state, fixture.job(ids[2]).await.state];
    lock.rollback().await.expect("rolled back");
    let step = at_once.await.expect("no panic").expect("a step");

    assert_eq!((skipping.ended, skipping.locked), (vec![ids[0], ids[2]], vec![ids[1]]));
    assert_eq!(others, [JobState::Cancelled; 2], "no other job waits for the lock");
    assert_eq!((step.done, step.skipped), (3, 0));
    assert_eq!(fixture.job(ids[1]).await.state, JobState::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_worker_waits_until_its_ends_are_written() {
    let fixture = Fixture::postgres_in_process().await;
    let subject = Uuid::now_v7();
    let begun = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let may_end = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let (tell, wait) = (begun.clone(), may_end.clone());
    fixture.handlers.on("written late", move |_| {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            tell.add_permits(1);
            let _permit = wait.acquire().await;
            Ok(atelier_queue::Outcome::done())
        }
    });
    let worker = fixture.worker(1);
    let id = fixture.queue.enqueue(scripted("written late").about(subject)).await.expect("enqueued").id;
    let _permit = begun.acquire().await.expect("open");

    let lock = fixture.queue.begin().await.expect("a transaction");
    lock.lock_about(&[subject]).await.expect("locked");
    may_end.add_permits(1);
    until_statements_wait(fixture.queue.db(), 1).await;
    let stopping = tokio::spawn(worker.stop());
    // Longer than its grace period and the time that handlers have to stop.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!stopping.is_finished(), "the end is not written");
    lock.commit().await.expect("committed");
    stopping.await.expect("it stops");

    assert_eq!(fixture.job(id).await.state, JobState::Succeeded);
}
