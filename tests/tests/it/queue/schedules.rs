//! Schedules, the report of the relay, and a Redis that may evict keys.

use std::{sync::Arc, time::Duration};

use atelier_entities::WorkerId;
use atelier_queue::{
    Effects, Job, Queue, QueueName, QueueOptions,
    bus::LocalBus,
    relay,
    schedule::{self, Recurring},
    testing,
    transport::{InProcess, RedisHub, RedisOptions, Transport},
};
use atelier_tests::{PrivateRedis, TestDatabase};
use chrono::{TimeDelta, Timelike};

use super::{
    fixture::Fixture,
    scripted::{Scripted, scripted},
};

pub(super) async fn a_changed_expression_sets_the_next_fire_time_again(fixture: Fixture) {
    let with = |cron| [Recurring { name: "tidy", cron, make: |_| scripted("tidy") }];
    let next = async || schedule::list(&fixture.queue).await.expect("schedules")[0].next_run_at;
    schedule::sync(&fixture.queue, &with("0 0 * * * *")).await.expect("synced");
    schedule::tick(&fixture.queue, &with("0 0 * * * *")).await.expect("a tick");
    assert_eq!(next().await.minute(), 0);

    schedule::sync(&fixture.queue, &with("0 17 * * * *")).await.expect("synced");

    assert_eq!(next().await.minute(), 17);
    assert!(next().await > fixture.queue.now());
    assert_eq!(schedule::tick(&fixture.queue, &with("0 17 * * * *")).await.expect("a tick"), 0);
    assert_eq!(schedule::list(&fixture.queue).await.expect("schedules").len(), 1);
}

pub(super) async fn a_schedule_that_fails_does_not_block_the_others(fixture: Fixture) {
    let too_long =
        Recurring { name: "broken", cron: "0 0 * * * *", make: |_| scripted(&"x".repeat(100_000)) };
    let recurring = [too_long, Recurring { name: "sound", cron: "0 0 * * * *", make: |_| scripted("sound") }];
    let unreadable = Recurring { cron: "each night", name: "unreadable", ..recurring[1] };
    let unwritten = schedule::sync(&fixture.queue, &[unreadable, recurring[0], recurring[1]]).await;
    assert!(unwritten.expect_err("no expression").to_string().contains("unreadable"));

    let failed = schedule::tick(&fixture.queue, &recurring).await.expect_err("one cannot fire").to_string();

    assert!(failed.contains("broken") && failed.contains("args"), "{failed}");
    let _worker = fixture.worker(1);
    fixture
        .until("the other one fired", async || (fixture.handlers.order() == ["sound"]).then_some(()))
        .await;
    fixture.queue.clock().advance(TimeDelta::seconds(30));
    let overdue = schedule::overdue(&fixture.queue, &recurring).await.expect("read");
    assert_eq!(overdue[0].0, "broken");
    assert!(overdue[0].1 >= Duration::from_secs(30), "{overdue:?}");
    assert!(overdue[1].1 <= Duration::from_secs(30), "it fires at the next hour: {overdue:?}");
}

/// A queue with a window of this size, without a scheduler and without workers.
fn queue_without_processes(database: &TestDatabase, window: usize) -> (Queue, InProcess) {
    let transport = InProcess::default();
    let options = QueueOptions { window, ..QueueOptions::default() };
    let bus = Arc::new(LocalBus::default());
    let queue = Queue::new(
        database.connection.clone(),
        Arc::new(transport.clone()),
        bus,
        Effects::default(),
        options,
    );
    (queue, transport)
}

#[tokio::test]
async fn jobs_that_no_relay_makes_available_are_overdue() {
    for database in [TestDatabase::sqlite().await, TestDatabase::create().await] {
        let (queue, _) = queue_without_processes(&database, 10);
        queue.enqueue(scripted("now")).await.expect("enqueued");
        queue.enqueue(scripted("later").at(queue.now() + Duration::from_secs(60))).await.expect("enqueued");
        assert_eq!(relay::overdue(&queue).await.expect("read"), Duration::ZERO);

        queue.clock().advance(TimeDelta::seconds(100));

        let overdue = relay::overdue(&queue).await.expect("read").as_secs();
        assert!((40..60).contains(&overdue), "{overdue}");
        relay::tick(&queue).await.expect("a pass");
        assert_eq!(relay::overdue(&queue).await.expect("read"), Duration::ZERO);
    }
}

#[tokio::test]
async fn lost_ids_are_distinguished_from_ids_without_room() {
    let database = TestDatabase::sqlite().await;
    let (queue, transport) = queue_without_processes(&database, 4);
    for _ in 0..6 {
        queue.enqueue(scripted("waiting")).await.expect("enqueued");
    }
    let pass = async || {
        let report = relay::tick(&queue).await.expect("a pass");
        (report.pushed, report.redispatched)
    };
    queue.clock().advance(TimeDelta::seconds(60));
    assert_eq!(pass().await, (0, 0), "the window is full");
    let worker = WorkerId::new();
    let mut consumer = transport.consumer(QueueName::Stats, worker).await;
    let ids = consumer.pop(2).await.expect("popped");
    let claimed = testing::claim(&queue, worker, QueueName::Stats, &[Scripted::KIND], ids.len()).await;
    assert_eq!(claimed.expect("claimed").len(), 2);
    assert_eq!(pass().await, (2, 0), "it has room for the next ones");

    transport.forget();
    assert_eq!(pass().await, (4, 4));
    let partly: Vec<_> = consumer.pop(3).await.expect("popped");
    consumer.restore(&partly[..1]).await.expect("put back");
    assert_eq!(pass().await, (2, 2), "some of them are still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_may_evict_keys_is_reported() {
    let server = PrivateRedis::start();
    let mut connection = server.server.connect().await;
    let hub = RedisHub::connect(RedisOptions {
        client: server.server.client(),
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

        let eviction = hub.eviction().await.expect("an answer").expect("a policy");

        assert_eq!(eviction.is_risky(), risky, "{eviction}");
    }
}
