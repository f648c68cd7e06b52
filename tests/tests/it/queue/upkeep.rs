//! Schedules, what the relay tells, and a Redis that may lose what it was given.

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
    bed::Bed,
    stage::{Scripted, scripted},
};

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

pub(super) async fn a_schedule_that_fails_keeps_no_other_from_firing(bed: Bed) {
    let too_long =
        Recurring { name: "broken", cron: "0 0 * * * *", make: |_| scripted(&"x".repeat(100_000)) };
    let recurring = [too_long, Recurring { name: "sound", cron: "0 0 * * * *", make: |_| scripted("sound") }];
    let unreadable = Recurring { cron: "each night", name: "unreadable", ..recurring[1] };
    let unwritten = schedule::sync(&bed.queue, &[unreadable, recurring[0], recurring[1]]).await;
    assert!(unwritten.expect_err("no expression").to_string().contains("unreadable"));

    let failed = schedule::tick(&bed.queue, &recurring).await.expect_err("one cannot fire").to_string();

    assert!(failed.contains("broken") && failed.contains("args"), "{failed}");
    let _worker = bed.worker(1);
    bed.until("the other one fired", async || (bed.stage.order() == ["sound"]).then_some(())).await;
    bed.queue.clock().advance(TimeDelta::seconds(30));
    let overdue = schedule::overdue(&bed.queue, &recurring).await.expect("told");
    assert_eq!(overdue[0].0, "broken");
    assert!(overdue[0].1 >= Duration::from_secs(30), "{overdue:?}");
    assert!(overdue[1].1 <= Duration::from_secs(30), "it fires at the next hour: {overdue:?}");
}

/// A queue without a scheduler and without workers, whose window has room for so many.
fn alone(database: &TestDatabase, window: usize) -> (Queue, InProcess) {
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
async fn work_that_no_relay_makes_available_is_overdue() {
    for database in [TestDatabase::sqlite().await, TestDatabase::create().await] {
        let (queue, _) = alone(&database, 10);
        queue.enqueue(scripted("now")).await.expect("enqueued");
        queue.enqueue(scripted("later").at(queue.now() + Duration::from_secs(60))).await.expect("enqueued");
        assert_eq!(relay::overdue(&queue).await.expect("told"), Duration::ZERO);

        queue.clock().advance(TimeDelta::seconds(100));

        let overdue = relay::overdue(&queue).await.expect("told").as_secs();
        assert!((40..60).contains(&overdue), "{overdue}");
        relay::tick(&queue).await.expect("a pass");
        assert_eq!(relay::overdue(&queue).await.expect("told"), Duration::ZERO);
    }
}

#[tokio::test]
async fn what_the_transport_lost_is_told_from_what_it_had_no_room_for() {
    let database = TestDatabase::sqlite().await;
    let (queue, transport) = alone(&database, 4);
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
    assert_eq!(pass().await, (2, 0), "it has room for what comes next");

    transport.forget();
    assert_eq!(pass().await, (4, 4));
    let partly: Vec<_> = consumer.pop(3).await.expect("popped");
    consumer.restore(&partly[..1]).await.expect("put back");
    assert_eq!(pass().await, (2, 2), "some of them are there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_may_evict_keys_is_told_of() {
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

        let eviction = hub.eviction().await.expect("an answer").expect("Redis tells");

        assert_eq!(eviction.is_risky(), risky, "{eviction}");
    }
}
