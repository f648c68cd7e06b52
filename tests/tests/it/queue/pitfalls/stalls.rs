use std::{process::Command, sync::Arc, time::Duration};

use atelier_entities::JobState;
use atelier_foundation::database;
use atelier_queue::{
    Effects, Queue, QueueName, QueueOptions,
    bus::LocalBus,
    relay, rescue,
    transport::{InProcess, RedisHub, RedisOptions},
};
use atelier_tests::{PrivateRedis, TestDatabase, in_time, redis_client};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::time::{self, Instant};
use url::Url;

use super::{
    proxy::Proxy,
    workers::{begun, gate, registry, start_worker},
};
use crate::queue::{
    fixture::{Fixture, HEARTBEAT},
    scripted::{ScriptedHandlers, scripted},
};

/// The longest time that a hanging call may block anything: four times the time limit of a
/// database step, for busy machines.
const BOUND: Duration = Duration::from_secs(40);

/// The time limit of a command.
const REDIS_TIMEOUT: Duration = Duration::from_secs(1);

/// A Redis that can be stopped with SIGSTOP: it keeps its connections and does not answer.
struct Stoppable {
    redis: PrivateRedis,
    process: u32,
}

impl Stoppable {
    async fn start() -> Self {
        let redis = PrivateRedis::start();
        let mut connection = redis.server.connect().await;
        let info: String =
            redis::cmd("INFO").arg("server").query_async(&mut connection).await.expect("Redis answers");
        let process = info.lines().find_map(|line| line.strip_prefix("process_id:")).expect("a process id");
        Self { process: process.trim().parse().expect("a number"), redis }
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.process.to_string()).status();
        assert!(sent.expect("kill runs").success());
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}

async fn eventually(what: &str, within: Duration, poll: impl AsyncFn() -> bool) {
    let seen = time::timeout(within, async {
        while !poll().await {
            time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(seen.await.is_ok(), "not within {within:?}: {what}");
}

async fn is(queue: &Queue, id: atelier_entities::JobId, state: JobState) -> bool {
    queue.find_job(id, None).await.expect("a database").expect("the job").state == state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g_a_hanging_redis_stops_neither_worker_nor_scheduler() {
    let redis = Stoppable::start().await;
    let database = TestDatabase::create().await;
    let options = RedisOptions {
        client: redis.redis.server.client(),
        key_prefix: "stalled".to_owned(),
        command_timeout: REDIS_TIMEOUT,
        consumer_timeout: HEARTBEAT * 4,
    };
    let hub = RedisHub::connect(options).await.expect("a Redis URL");
    let options = QueueOptions { heartbeat: HEARTBEAT, ..QueueOptions::default() };
    let queue = Queue::new(database.connection.clone(), hub.clone(), hub, Effects::default(), options);
    let handlers = ScriptedHandlers::default();
    let gate = gate(&handlers, "gated");
    let _hand = start_worker(&queue, registry(&handlers), &[QueueName::Stats], Duration::ZERO);
    let running = queue.enqueue(scripted("gated")).await.expect("enqueued").id;
    eventually("the job runs", BOUND, async || handlers.starts(running) == 1).await;

    redis.signal("-STOP");
    let begun = Instant::now();
    let waiting = queue.enqueue(scripted("waiting")).await.expect("enqueued").id;
    in_time(REDIS_TIMEOUT, async || {
        let begun = Instant::now();
        let unwanted = queue.enqueue(scripted("unwanted")).await.expect("enqueued").id;
        queue.cancel(unwanted, None).await.expect("cancelled");
        begun.elapsed()
    })
    .await;
    // Longer than a lease: the heartbeats continue.
    let relayed = time::timeout(BOUND, relay::tick(&queue)).await.expect("the relay gives up in time");
    assert_eq!(relayed.expect("SQL's part is done").pushed, 0);
    time::sleep((HEARTBEAT * 3).saturating_sub(begun.elapsed())).await;
    let rescued = time::timeout(BOUND, rescue::tick(&queue)).await.expect("in time");
    assert_eq!(rescued.expect("a pass").rescued, 0, "the running job kept its lease");
    gate.add_permits(1);
    eventually("its end is written", BOUND, async || is(&queue, running, JobState::Succeeded).await).await;

    redis.signal("-CONT");
    eventually("work resumes", BOUND, async || is(&queue, waiting, JobState::Succeeded).await).await;
}

/// A queue with its own connections, like another process.
async fn process(database: &TestDatabase, redis: &str) -> Queue {
    let options = RedisOptions {
        client: redis_client(redis, None),
        key_prefix: "silent".to_owned(),
        command_timeout: REDIS_TIMEOUT,
        consumer_timeout: HEARTBEAT * 4,
    };
    let hub = RedisHub::connect(options).await.expect("a Redis URL");
    let options = QueueOptions { heartbeat: HEARTBEAT, ..QueueOptions::default() };
    Queue::new(database.connection.clone(), hub.clone(), hub, Effects::default(), options)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g_a_worker_with_silent_redis_connections_is_woken_again() {
    let (redis, database) = (PrivateRedis::start(), TestDatabase::create().await);
    let mut url = Url::parse(&redis.server.url).expect("a URL");
    let proxy = Proxy::start(format!("127.0.0.1:{}", url.port().expect("a port"))).await;
    let (_, port) = proxy.address.split_once(':').expect("host and port");
    url.set_port(port.parse().ok()).expect("a port");
    let caller = process(&database, &redis.server.url).await;
    let worker = process(&database, url.as_str()).await;
    let handlers = ScriptedHandlers::default();
    let _hand = start_worker(&worker, registry(&handlers), &[QueueName::Stats], Duration::ZERO);
    let enqueue = async || caller.enqueue(scripted("job")).await.expect("enqueued").id;
    let first = enqueue().await;
    eventually("it runs", BOUND, async || is(&caller, first, JobState::Succeeded).await).await;

    proxy.stall();
    let unheard = enqueue().await;
    eventually("it is found", BOUND, async || is(&caller, unheard, JobState::Succeeded).await).await;

    // There is no relay, and without a wake-up the worker polls at most every four seconds.
    for _ in 0..5 {
        in_time(Duration::from_secs(2), async || {
            let (id, enqueued_at) = (enqueue().await, Instant::now());
            eventually("it is run", BOUND, async || is(&caller, id, JobState::Succeeded).await).await;
            enqueued_at.elapsed()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g_hanging_connections_stop_neither_worker_nor_scheduler() {
    let fixture = Fixture::postgres_in_process().await;
    let mut url = Url::parse(fixture.database_url()).expect("a URL");
    let target = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(5432));
    let proxy = Proxy::start(target).await;
    let (host, port) = proxy.address.split_once(':').expect("host and port");
    url.set_host(Some(host)).expect("a host");
    url.set_port(port.parse().ok()).expect("a port");
    let wait = Duration::from_secs(2);
    let connection = database::connect(url.as_str(), 10, wait, wait).await.expect("connected");
    // Like a separate process: it shares only the database with the others.
    let options = QueueOptions { heartbeat: HEARTBEAT, ..QueueOptions::default() };
    let queue = Queue::new(
        connection,
        Arc::new(InProcess::default()),
        Arc::new(LocalBus::default()),
        Effects::default(),
        options,
    );
    let _hand = start_worker(&queue, registry(&fixture.handlers), &[QueueName::Stats], Duration::ZERO);
    let before = fixture.queue.enqueue(scripted("before")).await.expect("enqueued").id;
    fixture.reaches(before, JobState::Succeeded).await;
    let gate = gate(&fixture.handlers, "gated");
    let gated = fixture.queue.enqueue(scripted("gated")).await.expect("enqueued").id;
    begun(&fixture, gated).await;

    // Its end is being written when the connections hang.
    let lock = fixture.queue.begin().await.expect("a transaction");
    lock.execute_unprepared("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE").await.expect("locked");
    gate.add_permits(1);
    eventually("its end waits for the lock", BOUND, async || ends_that_wait(&fixture).await > 0).await;
    proxy.stall();
    lock.rollback().await.expect("unlocked");
    let next = fixture.queue.enqueue(scripted("next")).await.expect("enqueued").id;

    let scheduler = time::timeout(BOUND, async {
        while relay::tick(&queue).await.is_err() || rescue::tick(&queue).await.is_err() {}
    });
    let work = eventually("work resumes", BOUND, async || {
        is(&fixture.queue, gated, JobState::Succeeded).await
            && is(&fixture.queue, next, JobState::Succeeded).await
    });
    let (relayed, ()) = tokio::join!(scheduler, work);
    relayed.expect("the scheduler continues within the time limit");

    // The end was written, but its answer was lost: the slot is free anyway.
    for _ in 0..4 {
        fixture.queue.enqueue(scripted("gated")).await.expect("enqueued");
    }
    eventually("every slot is taken again", BOUND, async || {
        fixture.handlers.order().iter().filter(|name| *name == "gated").count() == 5
    })
    .await;
    gate.add_permits(4);
}

/// Ends of attempts that wait for a lock.
async fn ends_that_wait(fixture: &Fixture) -> i64 {
    let sql = "SELECT COUNT(*) AS ends FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%AS ended%'";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = fixture.queue.db().query_one_raw(statement).await.expect("asked").expect("a row");
    row.try_get("", "ends").expect("a count")
}
