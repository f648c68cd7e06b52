//! An installation with a Redis of its own: each process has its own connection.

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
    bed::{HEARTBEAT, PATIENCE},
    stage::Stage,
    twelve::crew::{Hand, hire, registry},
};

/// Between two passes of the relay.
const RELAY_INTERVAL: Duration = Duration::from_secs(1);

/// Dropping it ends its scheduler.
pub(super) struct Site {
    pub(super) redis: PrivateRedis,
    pub(super) stage: Stage,
    /// Where the tests enqueue.
    pub(super) queue: Queue,
    database: TestDatabase,
    _end: DropGuard,
}

impl Site {
    pub(super) async fn start() -> Self {
        let (redis, database) = (PrivateRedis::start(), TestDatabase::create().await);
        let queue = process(&redis, &database).await;
        let (end, scheduler) = (CancellationToken::new(), process(&redis, &database).await);
        tokio::spawn(end.clone().run_until_cancelled_owned(async move {
            let mut passes = time::interval(RELAY_INTERVAL);
            passes.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                passes.tick().await;
                // The next pass makes up for one that failed.
                let _ = relay::tick(&scheduler).await;
                let _ = rescue::tick(&scheduler).await;
            }
        }));
        Self { redis, stage: Stage::default(), queue, database, _end: end.drop_guard() }
    }

    /// A worker of four slots, with a connection of its own.
    pub(super) async fn worker(&self) -> Hand {
        let queue = process(&self.redis, &self.database).await;
        hire(&queue, registry(&self.stage), &[QueueName::Stats], Duration::from_secs(1))
    }

    pub(super) async fn reaches(&self, id: JobId, state: JobState) {
        self.until(&format!("{id} is {state}"), async || {
            let job = self.queue.find_job(id, None).await.expect("a database").expect("the job");
            (job.state == state).then_some(())
        })
        .await;
    }

    pub(super) async fn until(&self, what: &str, look: impl AsyncFn() -> Option<()>) {
        let found = time::timeout(PATIENCE, async {
            while look().await.is_none() {
                time::sleep(Duration::from_millis(10)).await;
            }
        });
        assert!(found.await.is_ok(), "waited in vain until {what}");
    }
}

async fn process(redis: &PrivateRedis, database: &TestDatabase) -> Queue {
    let options = RedisOptions {
        client: redis.server.client(),
        key_prefix: "site".to_owned(),
        command_timeout: Duration::from_secs(2),
        consumer_timeout: HEARTBEAT * 4,
    };
    let hub = RedisHub::connect(options).await.expect("a Redis URL");
    let options = QueueOptions { heartbeat: HEARTBEAT, ..QueueOptions::default() };
    Queue::new(database.connection.clone(), hub.clone(), hub, Effects::default(), options)
}
