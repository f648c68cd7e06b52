//! Retention while the queue works: the number of rows per statement, its locks, and who waits
//! for them.

use std::{collections::BTreeSet, time::Duration};

use atelier_entities::{JobId, JobState, jobs};
use atelier_queue::{
    removal::delete_in_batches,
    retention::{self, RetentionRules},
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, QueryResult, Statement};
use tokio::time::{self, Instant};

use super::{
    fixture::Fixture,
    scripted::{scripted, with_effect},
};

/// The number of old ended jobs.
const OLD: usize = 20;

/// The rows of a batch.
const BATCH: u32 = 5;

const RULES: RetentionRules = RetentionRules {
    succeeded: Duration::from_secs(3_600),
    failed: Duration::from_secs(3_600),
    cancelled: Duration::from_secs(3_600),
    batch: BATCH,
};

/// The time limit of work that must not wait.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Table locks that allow others to read and write.
const SHARED: [&str; 3] = ["AccessShareLock", "RowShareLock", "RowExclusiveLock"];

async fn ask(fixture: &Fixture, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(fixture.queue.db().get_database_backend(), sql);
    fixture.queue.db().query_all_raw(statement).await.expect("asked")
}

async fn count(fixture: &Fixture, sql: &str) -> i64 {
    ask(fixture, sql).await[0].try_get("", "count").expect("a count")
}

/// Jobs that ended a day ago, in the order of their ends.
async fn ended_long_ago(fixture: &Fixture) -> Vec<JobId> {
    let worker = fixture.worker(4);
    let mut ids = Vec::new();
    for _ in 0..OLD {
        ids.push(fixture.queue.enqueue(scripted("old")).await.expect("enqueued").id);
    }
    for (number, id) in ids.iter().enumerate() {
        fixture.reaches(*id, JobState::Succeeded).await;
        let age = format!(
            "UPDATE jobs SET finished_at = now() - interval '1 day' + interval '{number} seconds' WHERE id = '{id}'"
        );
        fixture.queue.db().execute_unprepared(&age).await.expect("aged");
    }
    worker.stop().await;
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_run_while_a_batch_of_retention_is_open() {
    let fixture = Fixture::postgres_redis().await;
    let old = ended_long_ago(&fixture).await;
    // A lock on a log line of the last batch's last job keeps that batch open.
    let last = old[OLD - 1];
    let line = format!(
        "INSERT INTO job_events (job_id, seq, kind, data, created_at) VALUES ('{last}', 1, 'log', '{{}}', now())"
    );
    fixture.queue.db().execute_unprepared(&line).await.expect("a line");
    let held = fixture.queue.begin().await.expect("a transaction");
    let lock = format!("SELECT 1 FROM job_events WHERE job_id = '{last}' FOR UPDATE");
    held.execute_unprepared(&lock).await.expect("locked");

    let queue = fixture.queue.clone();
    let sweep = tokio::spawn(async move { retention::sweep(&queue, &RULES).await });
    fixture.until("a batch is open and waits", async || {
        let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'DELETE FROM \"jobs\"%'";
        (count(&fixture, sql).await == 1).then_some(())
    })
    .await;

    let left =
        count(&fixture, "SELECT COUNT(*) FROM jobs WHERE finished_at < now() - interval '1 hour'").await;
    assert_eq!(left, i64::from(BATCH), "the earlier batches are committed separately");
    let sql = "SELECT DISTINCT mode FROM pg_locks WHERE locktype = 'relation' AND granted AND relation = 'jobs'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let modes: BTreeSet<String> =
        ask(&fixture, sql).await.iter().map(|row| row.try_get("", "mode").expect("a mode")).collect();
    assert!(modes.contains("RowExclusiveLock"), "the open batch is seen: {modes:?}");
    assert!(modes.iter().all(|mode| SHARED.contains(&mode.as_str())), "{modes:?}");

    let _worker = fixture.worker(4);
    let begun = Instant::now();
    for _ in 0..OLD {
        let enqueued = time::timeout(AT_ONCE, fixture.queue.enqueue(with_effect("new"))).await;
        let id = enqueued.expect("an enqueue does not wait").expect("enqueued").id;
        fixture.reaches(id, JobState::Succeeded).await;
    }
    assert!(begun.elapsed() < AT_ONCE, "{OLD} jobs took {:?}", begun.elapsed());
    assert!(!sweep.is_finished(), "the batch was open all the time");

    held.rollback().await.expect("unlocked");
    assert_eq!(sweep.await.expect("it ends").expect("swept"), OLD as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_skips_a_locked_job() {
    let fixture = Fixture::postgres_in_process().await;
    let old = ended_long_ago(&fixture).await;
    let held = fixture.queue.begin().await.expect("a transaction");
    let lock = format!("SELECT 1 FROM jobs WHERE id = '{}' FOR UPDATE", old[OLD - 1]);
    held.execute_unprepared(&lock).await.expect("locked");

    assert_eq!(retention::sweep(&fixture.queue, &RULES).await.expect("it does not wait"), OLD as u64 - 1);

    held.rollback().await.expect("unlocked");
    assert_eq!(retention::sweep(&fixture.queue, &RULES).await.expect("swept"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_deletes_more_than_a_batch() {
    let fixture = Fixture::postgres_in_process().await;
    ended_long_ago(&fixture).await;
    let tx = fixture.queue.begin().await.expect("a transaction");
    tx.enqueue_all((0..12).map(|_| scripted("waiting")).collect()).await.expect("enqueued");
    tx.commit().await.expect("committed");
    for statement in [
        "CREATE TABLE deletions (jobs bigint)",
        "CREATE FUNCTION record_deletion() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO deletions SELECT COUNT(*) FROM deleted; RETURN NULL; END $$",
        "CREATE TRIGGER deletions AFTER DELETE ON jobs REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION record_deletion()",
    ] {
        fixture.queue.db().execute_unprepared(statement).await.expect("a trigger");
    }

    let swept = retention::sweep(&fixture.queue, &RULES).await.expect("swept");
    let waiting = Condition::all().add(jobs::Column::State.eq(JobState::Available));
    let deleted = delete_in_batches::<jobs::Entity>(&fixture.queue, waiting, BATCH).await.expect("deleted");

    assert_eq!((swept, deleted), (OLD as u64, 12));
    assert_eq!(count(&fixture, "SELECT MAX(jobs) AS count FROM deletions").await, i64::from(BATCH));
    assert_eq!(count(&fixture, "SELECT COUNT(*) FROM deletions WHERE jobs > 0").await, 7);
}
