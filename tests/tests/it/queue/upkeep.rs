//! Schedules whose expression changes, and a Redis that may lose what it was given.

use std::time::Duration;

use atelier_queue::{
    schedule::{self, Recurring},
    transport::{RedisHub, RedisOptions, Transport},
};
use atelier_tests::PrivateRedis;
use chrono::Timelike;

use super::{bed::Bed, stage::scripted};

pub(super) async fn a_schedule_of_another_expression_is_armed_anew(bed: Bed) {
    let with = |cron| [Recurring { name: "tidy", cron, make: |_| scripted("tidy") }];
    let next = async || schedule::list(&bed.queue).await.expect("schedules")[0].next_run_at;
    schedule::sync(&bed.queue, &with("0 0 * * * *")).await.expect("synced");
    schedule::tick(&bed.queue, &with("0 0 * * * *")).await.expect("a tick");
    assert_eq!(next().await.minute(), 0);

    schedule::sync(&bed.queue, &with("0 17 * * * *")).await.expect("synced");

    assert_eq!(next().await.minute(), 17);
    assert!(next().await > bed.queue.now());
    assert_eq!(schedule::tick(&bed.queue, &with("0 17 * * * *")).await.expect("a tick"), 0);
    assert_eq!(schedule::list(&bed.queue).await.expect("schedules").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_may_evict_keys_is_told_of() {
    let server = PrivateRedis::start();
    let mut connection = server.server.connect().await;
    let hub = RedisHub::connect(RedisOptions {
        url: server.server.url.clone().into(),
        authorities: None,
        key_prefix: "test".to_owned(),
        command_timeout: Duration::from_secs(2),
        consumer_timeout: Duration::from_secs(2),
    });
    let hub = hub.await.expect("a Redis URL");
    for (memory, policy, risky) in
        [("0", "allkeys-lru", false), ("64mb", "allkeys-lru", true), ("64mb", "noeviction", false)]
    {
        for (name, value) in [("maxmemory", memory), ("maxmemory-policy", policy)] {
            let mut set = redis::cmd("CONFIG");
            set.arg("SET").arg(name).arg(value).exec_async(&mut connection).await.expect("configured");
        }

        let eviction = hub.eviction().await.expect("an answer").expect("Redis tells");

        assert_eq!(eviction.is_risky(), risky, "{eviction}");
    }
}
