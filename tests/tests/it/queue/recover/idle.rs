//! What a worker costs that has nothing to do, also where its queue has limits.

use std::time::Duration;

use atelier_entities::JobState;
use atelier_queue::{QueueLimits, QueueName, Rate};
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};
use tokio::time;

use super::site::Site;
use crate::queue::stage::scripted;

const WATCHED: Duration = Duration::from_secs(3);

/// Commands to Redis while nothing happens.
async fn commands(site: &Site) -> u64 {
    let before = site.redis.server.count_commands().await;
    time::sleep(WATCHED).await;
    site.redis.server.count_commands().await - before
}

/// Another one with each change of the queue's row.
async fn version(site: &Site) -> String {
    let sql = "SELECT xmin::text FROM queues WHERE name = 'stats'";
    let statement = Statement::from_string(DatabaseBackend::Postgres, sql);
    let row = site.queue.db().query_one_raw(statement).await.expect("asked").expect("a row");
    row.try_get_by_index(0).expect("text")
}

async fn run_one(site: &Site) {
    let id = site.queue.enqueue(scripted("short")).await.expect("enqueued").id;
    site.reaches(id, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_of_a_limited_queue_costs_no_more_than_another() {
    let site = Site::start().await;
    let _worker = site.worker().await;
    run_one(&site).await;
    let without = commands(&site).await;
    let rate = Some(Rate { count: 100, period: Duration::from_secs(60) });
    let limits = QueueLimits { max_running: Some(10), max_running_per_owner: Some(5), rate };
    site.queue.set_limits(QueueName::Stats, limits).await.expect("limited");
    run_one(&site).await;
    let before = version(&site).await;

    let with = commands(&site).await;

    // Each second that is five more at most; polls would be ten and more.
    assert!(with <= without + 5 * WATCHED.as_secs(), "{with} with limits, {without} without");
    assert_eq!(version(&site).await, before, "nothing was written");
}
