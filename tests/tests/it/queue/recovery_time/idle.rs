//! The cost of an idle worker, with and without limits of its queue.

use std::time::Duration;

use atelier_entities::JobState;
use atelier_queue::{QueueLimits, QueueName, Rate};
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};
use tokio::time;

use super::installation::Installation;
use crate::queue::scripted::scripted;

const WATCHED: Duration = Duration::from_secs(3);

/// The Redis commands during an idle time.
async fn commands(installation: &Installation) -> u64 {
    let before = installation.redis.server.count_commands().await;
    time::sleep(WATCHED).await;
    installation.redis.server.count_commands().await - before
}

/// The version of the queue's row, which each change raises.
async fn version(installation: &Installation) -> String {
    let sql = "SELECT xmin::text FROM queues WHERE name = 'stats'";
    let statement = Statement::from_string(DatabaseBackend::Postgres, sql);
    let row = installation.queue.db().query_one_raw(statement).await.expect("asked").expect("a row");
    row.try_get_by_index(0).expect("text")
}

async fn run_one(installation: &Installation) {
    let id = installation.queue.enqueue(scripted("short")).await.expect("enqueued").id;
    installation.reaches(id, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_of_a_limited_queue_costs_no_more_than_others() {
    let installation = Installation::start().await;
    let _worker = installation.worker().await;
    run_one(&installation).await;
    let without = commands(&installation).await;
    let rate = Some(Rate { count: 100, period: Duration::from_secs(60) });
    let limits = QueueLimits { max_running: Some(10), max_running_per_owner: Some(5), rate };
    installation.queue.set_limits(QueueName::Stats, limits).await.expect("limited");
    run_one(&installation).await;
    let before = version(&installation).await;

    let with = commands(&installation).await;

    // At most five more per second; polls would be ten or more.
    assert!(with <= without + 5 * WATCHED.as_secs(), "{with} with limits, {without} without");
    assert_eq!(version(&installation).await, before, "nothing was written");
}
