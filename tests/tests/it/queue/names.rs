//! The names of keys in Redis, and the legacy names of earlier versions.

use std::time::Duration;

use atelier_entities::{JobId, JobState};
use atelier_queue::{
    Effects, Queue, QueueName, QueueOptions,
    transport::{RedisHub, RedisOptions, Transport},
};
use atelier_tests::{RedisServer, TestDatabase, TestRedis};
use redis::AsyncCommands;
use tokio::time;

use super::{
    fixture::{HEARTBEAT, TIME_LIMIT},
    pitfalls::workers::{registry, start_worker},
    scripted::{ScriptedHandlers, scripted},
};

async fn hub(server: &RedisServer, prefix: &str) -> std::sync::Arc<RedisHub> {
    let options = RedisOptions {
        client: server.client(),
        key_prefix: prefix.to_owned(),
        command_timeout: Duration::from_secs(5),
        consumer_timeout: Duration::from_secs(5),
    };
    RedisHub::connect(options).await.expect("a URL")
}

/// Writes keys of an earlier version: a waiting id, an id that a worker took, and the worker,
/// with a heartbeat this many seconds ago.
async fn write_legacy_keys(redis: &TestRedis, seconds: i64) {
    let mut connection = redis.server.connect().await;
    let name = |part: &str| format!("{{{}:email}}:{part}", redis.prefix);
    let (now, _): (i64, i64) = redis::cmd("TIME").query_async(&mut connection).await.expect("a time");
    let (waiting, taken) = (JobId::new().to_string(), JobId::new().to_string());
    let mut pipe = redis::pipe();
    for id in [&waiting, &taken] {
        pipe.hset(name("data"), id, "bytes").ignore();
        pipe.hset(name(&format!("meta:{id}")), "status", "Pending").ignore();
    }
    pipe.rpush(name("active"), &waiting).ignore();
    pipe.sadd(name("inflight:worker"), &taken).ignore();
    pipe.zadd(name("workers"), "worker", now - seconds).ignore();
    pipe.exec_async(&mut connection).await.expect("written");
}

#[tokio::test]
async fn legacy_keys_are_deleted_once_no_worker_uses_them() {
    let redis = TestRedis::create();
    let hub = hub(&redis.server, &redis.prefix).await;
    write_legacy_keys(&redis, 0).await;
    let before = redis.list_keys().await;

    assert_eq!(hub.retire().await.expect("looked"), 0);
    assert_eq!(redis.list_keys().await, before, "a worker of the earlier version is alive");

    write_legacy_keys(&redis, 60).await;
    assert_eq!(hub.retire().await.expect("removed"), 4);
    assert_eq!(redis.list_keys().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_woken_worker_without_an_id_claims_from_sql() {
    let (database, redis) = (TestDatabase::create().await, TestRedis::create());
    let queue_under = async |prefix: &str| {
        let hub = hub(&redis.server, prefix).await;
        let options = QueueOptions { heartbeat: HEARTBEAT, ..QueueOptions::default() };
        Queue::new(database.connection.clone(), hub.clone(), hub, Effects::default(), options)
    };
    let (own, other) = (redis.prefix.clone(), format!("{}-other", redis.prefix));
    let worker = queue_under(&own).await;
    let _hand =
        start_worker(&worker, registry(&ScriptedHandlers::default()), &[QueueName::Stats], Duration::ZERO);
    let id = queue_under(&other).await.enqueue(scripted("elsewhere")).await.expect("enqueued").id;

    let mut connection = redis.server.connect().await;
    let started = time::timeout(TIME_LIMIT, async {
        while worker.find_job(id, None).await.expect("a database").expect("a job").state
            != JobState::Succeeded
        {
            let _: i64 = connection.publish(format!("{own}:wake"), "stats").await.expect("published");
            time::sleep(Duration::from_millis(100)).await;
        }
    });
    started.await.expect("the job has run");
}
