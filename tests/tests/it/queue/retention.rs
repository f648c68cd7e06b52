//! Retention beside the work of the queue: how many rows a statement deletes, what it locks, and
//! what waits for it.

use std::{collections::BTreeSet, time::Duration};

use atelier_entities::{JobId, JobState, jobs};
use atelier_queue::{
    removal::delete_in_batches,
    retention::{self, RetentionRules},
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, QueryResult, Statement};
use tokio::time::{self, Instant};

use super::{
    bed::Bed,
    stage::{scripted, with_effect},
};

/// Jobs that ended long ago.
const OLD: usize = 20;

/// Rows of a batch.
const BATCH: u32 = 5;

const RULES: RetentionRules = RetentionRules {
    succeeded: Duration::from_secs(3_600),
    failed: Duration::from_secs(3_600),
    cancelled: Duration::from_secs(3_600),
    batch: BATCH,
};

/// How soon work goes on that waits for nobody.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Locks of a table under which others read and write it.
const SHARED: [&str; 3] = ["AccessShareLock", "RowShareLock", "RowExclusiveLock"];

async fn ask(bed: &Bed, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(bed.queue.db().get_database_backend(), sql);
    bed.queue.db().query_all_raw(statement).await.expect("asked")
}

async fn count(bed: &Bed, sql: &str) -> i64 {
    ask(bed, sql).await[0].try_get("", "count").expect("a count")
}

/// Jobs that ended a day ago, the last of the list last.
async fn ended_long_ago(bed: &Bed) -> Vec<JobId> {
    let worker = bed.worker(4);
    let mut ids = Vec::new();
    for _ in 0..OLD {
        ids.push(bed.queue.enqueue(scripted("old")).await.expect("enqueued").id);
    }
    for (number, id) in ids.iter().enumerate() {
        bed.reaches(*id, JobState::Succeeded).await;
        let age = format!(
            "UPDATE jobs SET finished_at = now() - interval '1 day' + interval '{number} seconds' WHERE id = '{id}'"
        );
        bed.queue.db().execute_unprepared(&age).await.expect("aged");
    }
    worker.stop().await;
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_goes_on_while_a_batch_of_retention_is_open() {
    let bed = Bed::postgres_redis().await;
    let old = ended_long_ago(&bed).await;
    // Somebody holds a log line of the last batch's last job: that batch stays open.
    let last = old[OLD - 1];
    let line = format!(
        "INSERT INTO job_events (job_id, seq, kind, data, created_at) VALUES ('{last}', 1, 'log', '{{}}', now())"
    );
    bed.queue.db().execute_unprepared(&line).await.expect("a line");
    let held = bed.queue.begin().await.expect("a transaction");
    let lock = format!("SELECT 1 FROM job_events WHERE job_id = '{last}' FOR UPDATE");
    held.execute_unprepared(&lock).await.expect("locked");

    let queue = bed.queue.clone();
    let sweep = tokio::spawn(async move { retention::sweep(&queue, &RULES).await });
    bed.until("a batch is open and waits", async || {
        let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'DELETE FROM \"jobs\"%'";
        (count(&bed, sql).await == 1).then_some(())
    })
    .await;

    let left = count(&bed, "SELECT COUNT(*) FROM jobs WHERE finished_at < now() - interval '1 hour'").await;
    assert_eq!(left, i64::from(BATCH), "the batches before it are committed each by itself");
    let sql = "SELECT DISTINCT mode FROM pg_locks WHERE locktype = 'relation' AND granted AND relation = 'jobs'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let modes: BTreeSet<String> =
        ask(&bed, sql).await.iter().map(|row| row.try_get("", "mode").expect("a mode")).collect();
    assert!(modes.contains("RowExclusiveLock"), "the open batch is seen: {modes:?}");
    assert!(modes.iter().all(|mode| SHARED.contains(&mode.as_str())), "{modes:?}");

    let _worker = bed.worker(4);
    let begun = Instant::now();
    for _ in 0..OLD {
        let enqueued = time::timeout(AT_ONCE, bed.queue.enqueue(with_effect("new"))).await;
        let id = enqueued.expect("an enqueue waits for nobody").expect("enqueued").id;
        bed.reaches(id, JobState::Succeeded).await;
    }
    assert!(begun.elapsed() < AT_ONCE, "{OLD} jobs took {:?}", begun.elapsed());
    assert!(!sweep.is_finished(), "the batch was open all the while");

    held.rollback().await.expect("unlocked");
    assert_eq!(sweep.await.expect("it ends").expect("swept"), OLD as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_somebody_holds_is_left_for_the_next_time() {
    let bed = Bed::postgres_in_process().await;
    let old = ended_long_ago(&bed).await;
    let held = bed.queue.begin().await.expect("a transaction");
    let lock = format!("SELECT 1 FROM jobs WHERE id = '{}' FOR UPDATE", old[OLD - 1]);
    held.execute_unprepared(&lock).await.expect("locked");

    assert_eq!(retention::sweep(&bed.queue, &RULES).await.expect("it waits for nobody"), OLD as u64 - 1);

    held.rollback().await.expect("unlocked");
    assert_eq!(retention::sweep(&bed.queue, &RULES).await.expect("swept"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_deletes_more_than_a_batch() {
    let bed = Bed::postgres_in_process().await;
    ended_long_ago(&bed).await;
    let tx = bed.queue.begin().await.expect("a transaction");
    tx.enqueue_all((0..12).map(|_| scripted("waiting")).collect()).await.expect("enqueued");
    tx.commit().await.expect("committed");
    for statement in [
        "CREATE TABLE deletions (jobs bigint)",
        "CREATE FUNCTION record_deletion() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO deletions SELECT COUNT(*) FROM deleted; RETURN NULL; END $$",
        "CREATE TRIGGER deletions AFTER DELETE ON jobs REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION record_deletion()",
    ] {
        bed.queue.db().execute_unprepared(statement).await.expect("a trigger");
    }

    let swept = retention::sweep(&bed.queue, &RULES).await.expect("swept");
    let waiting = Condition::all().add(jobs::Column::State.eq(JobState::Available));
    let deleted = delete_in_batches::<jobs::Entity>(&bed.queue, waiting, BATCH).await.expect("deleted");

    assert_eq!((swept, deleted), (OLD as u64, 12));
    assert_eq!(count(&bed, "SELECT MAX(jobs) AS count FROM deletions").await, i64::from(BATCH));
    assert_eq!(count(&bed, "SELECT COUNT(*) FROM deletions WHERE jobs > 0").await, 7);
}
