//! An installation with a private Redis, in which each process has its own connection.

use std::time::Duration;

use atelier_entities::{JobId, JobState};
use atelier_queue::{
    Effects, Queue, QueueName, QueueOptions, relay, rescue,
    transport::{RedisHub, RedisOptions},
};
use atelier_tests::{PrivateRedis, TestDatabase};
use tokio::time::{self, MissedTickBehavior};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::queue::{
    fixture::{HEARTBEAT, TIME_LIMIT},
    pitfalls::workers::{RunningWorker, registry, start_worker},
    scripted::ScriptedHandlers,
};

/// The time between two passes of the relay.
const RELAY_INTERVAL: Duration = Duration::from_secs(1);

/// The installation. Dropping it stops its scheduler.
pub(super) struct Installation {
    pub(super) redis: PrivateRedis,
    pub(super) handlers: ScriptedHandlers,
    /// The queue that tests enqueue to.
    pub(super) queue: Queue,
    database: TestDatabase,
    _end: DropGuard,
}

impl Installation {
    pub(super) async fn start() -> Self {
        let (redis, database) = (PrivateRedis::start(), TestDatabase::create().await);
        let queue = process(&redis, &database).await;
        let (end, scheduler) = (CancellationToken::new(), process(&redis, &database).await);
        tokio::spawn(end.clone().run_until_cancelled_owned(async move {
            let mut passes = time::interval(RELAY_INTERVAL);
            passes.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                passes.tick().await;
                // The next pass retries a failed one.
                let _ = relay::tick(&scheduler).await;
                let _ = rescue::tick(&scheduler).await;
            }
        }));
        Self { redis, handlers: ScriptedHandlers::default(), queue, database, _end: end.drop_guard() }
    }

    /// Starts a worker with four slots and its own connection.
    pub(super) async fn worker(&self) -> RunningWorker {
        let queue = process(&self.redis, &self.database).await;
        start_worker(&queue, registry(&self.handlers), &[QueueName::Stats], Duration::from_secs(1))
    }

    pub(super) async fn reaches(&self, id: JobId, state: JobState) {
        self.until(&format!("{id} is {state}"), async || {
            let job = self.queue.find_job(id, None).await.expect("a database").expect("the job");
            (job.state == state).then_some(())
        })
        .await;
    }

    pub(super) async fn until(&self, what: &str, poll: impl AsyncFn() -> Option<()>) {
        let found = time::timeout(TIME_LIMIT, async {
            while poll().await.is_none() {
                time::sleep(Duration::from_millis(10)).await;
            }
        });
        assert!(found.await.is_ok(), "timed out waiting until {what}");
    }
}

async fn process(redis: &PrivateRedis, database: &TestDatabase) -> Queue {
    let options = RedisOptions {
        client: redis.server.client(),
        key_prefix: "installation".to_owned(),
        command_timeout: Duration::from_secs(2),
        consumer_timeout: HEARTBEAT * 4,
    };
    let hub = RedisHub::connect(options).await.expect("a Redis URL");
    let options = QueueOptions { heartbeat: HEARTBEAT, ..QueueOptions::default() };
    Queue::new(database.connection.clone(), hub.clone(), hub, Effects::default(), options)
}
