//! Where a conformance case runs: a database, a transport, a scheduler, and workers
//! whose handlers do what the case says.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use atelier_entities::{JobId, JobState, jobs};
use atelier_queue::{
    Effects, Queue, QueueName, QueueOptions, Registry,
    bus::{Bus, LocalBus},
    relay, rescue,
    transport::{InProcess, RedisHub, RedisOptions, Transport},
    worker::{self, WorkerOptions},
};
use atelier_tests::{TestDatabase, TestRedis};
use sea_orm::DatabaseConnection;
use tokio::{task::JoinHandle, time};
use tokio_util::sync::CancellationToken;

use super::stage::{Novel, Scripted, Stage, WithEffect};

/// How long a case waits for what must happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Between two heartbeats; a lease lasts two.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);

enum Carrier {
    Memory(InProcess),
    Redis(TestRedis),
}

/// A case's world. Dropping it ends its scheduler and workers.
pub(super) struct Bed {
    pub(super) queue: Queue,
    pub(super) stage: Stage,
    carrier: Carrier,
    stop: CancellationToken,
    database: Arc<TestDatabase>,
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Bed {
    pub(super) async fn sqlite_in_process() -> Self {
        Self::in_process(TestDatabase::sqlite().await)
    }

    pub(super) async fn postgres_in_process() -> Self {
        Self::in_process(TestDatabase::create().await)
    }

    pub(super) async fn sqlite_redis() -> Self {
        Self::redis(TestDatabase::sqlite().await).await
    }

    pub(super) async fn postgres_redis() -> Self {
        Self::redis(TestDatabase::create().await).await
    }

    fn in_process(database: TestDatabase) -> Self {
        let transport = InProcess::default();
        let bus = Arc::new(LocalBus::default());
        Self::new(database, Arc::new(transport.clone()), bus, Carrier::Memory(transport))
    }

    async fn redis(database: TestDatabase) -> Self {
        let redis = TestRedis::create();
        let hub = RedisHub::connect(redis_options(&redis)).await.expect("a Redis URL");
        Self::new(database, hub.clone(), hub, Carrier::Redis(redis))
    }

    fn new(
        database: TestDatabase,
        transport: Arc<dyn Transport>,
        bus: Arc<dyn Bus>,
        carrier: Carrier,
    ) -> Self {
        let stage = Stage::default();
        let queue = queue_of(database.connection.clone(), transport, bus, &stage);
        let stop = CancellationToken::new();
        let bed = Self { queue, stage, carrier, stop, database: Arc::new(database) };
        bed.start_scheduler();
        bed
    }

    fn start_scheduler(&self) {
        let (queue, stop) = (self.queue.clone(), self.stop.clone());
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            loop {
                // The next pass makes up for one that failed.
                let _ = relay::tick(&queue).await;
                let _ = rescue::tick(&queue).await;
                let _ = rescue::reclaim(&queue).await;
                time::sleep(Duration::from_millis(50)).await;
            }
        }));
    }

    /// Starts a worker that runs so many jobs at once.
    pub(super) fn worker(&self, concurrency: usize) -> TestWorker {
        self.start(concurrency, false)
    }

    /// Starts a worker that knows [`Novel`] too.
    pub(super) fn worker_of_the_next_version(&self) -> TestWorker {
        self.start(4, true)
    }

    fn start(&self, concurrency: usize, novel: bool) -> TestWorker {
        let shutdown = self.stop.child_token();
        let options = WorkerOptions {
            concurrency: BTreeMap::from([(QueueName::Stats, concurrency)]),
            grace: Duration::from_millis(200),
            host: "test".to_owned(),
            version: "test".to_owned(),
            ..WorkerOptions::default()
        };
        let ended = tokio::spawn(worker::run(
            self.queue.clone(),
            registry(&self.stage, novel),
            options,
            shutdown.clone(),
        ));
        TestWorker { shutdown, ended }
    }

    /// Starts a worker in a runtime of its own, that can be killed as a process can.
    pub(super) fn mortal_worker(&self) -> MortalWorker {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let options = WorkerOptions {
            concurrency: BTreeMap::from([(QueueName::Stats, 4)]),
            grace: Duration::ZERO,
            host: "mortal".to_owned(),
            version: "test".to_owned(),
            ..WorkerOptions::default()
        };
        let (database, stage) = (self.database.clone(), self.stage.clone());
        let memory = match &self.carrier {
            Carrier::Memory(transport) => Ok(transport.clone()),
            Carrier::Redis(redis) => Err(redis_options(redis)),
        };
        // Connections belong to the runtime that made them: it has its own, as a
        // process has.
        runtime.spawn(async move {
            let connection = database.connect().await;
            drop(database);
            let queue = match memory {
                Ok(transport) => {
                    queue_of(connection, Arc::new(transport), Arc::new(LocalBus::default()), &stage)
                }
                Err(options) => {
                    let hub = RedisHub::connect(options).await.expect("a Redis URL");
                    queue_of(connection, hub.clone(), hub, &stage)
                }
            };
            worker::run(queue, registry(&stage, false), options, CancellationToken::new()).await
        });
        MortalWorker { runtime: Some(runtime) }
    }

    /// Makes the transport forget everything.
    pub(super) async fn forget_transport(&self) {
        match &self.carrier {
            Carrier::Memory(transport) => transport.forget(),
            Carrier::Redis(redis) => redis.flush().await,
        }
    }

    /// Where another process finds the database.
    pub(super) fn database_url(&self) -> &str {
        &self.database.url
    }

    /// Keys left in Redis; none where there is no Redis.
    pub(super) async fn transport_keys(&self) -> Vec<String> {
        match &self.carrier {
            Carrier::Memory(_) => Vec::new(),
            Carrier::Redis(redis) => redis.list_keys().await,
        }
    }

    pub(super) async fn job(&self, id: JobId) -> jobs::Model {
        self.queue.find_job(id, None).await.expect("a database").expect("the job")
    }

    /// The job once it is in that state.
    pub(super) async fn reaches(&self, id: JobId, state: JobState) -> jobs::Model {
        self.until(&format!("{id} is {state}"), async || {
            let job = self.job(id).await;
            (job.state == state).then_some(job)
        })
        .await
    }

    /// What `look` finds, as soon as it finds something.
    pub(super) async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let found = time::timeout(PATIENCE, async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                time::sleep(Duration::from_millis(10)).await;
            }
        });
        found.await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
    }
}

fn redis_options(redis: &TestRedis) -> RedisOptions {
    RedisOptions {
        client: redis.server.client(),
        key_prefix: redis.prefix.clone(),
        command_timeout: Duration::from_secs(2),
        consumer_timeout: HEARTBEAT * 4,
    }
}

fn queue_of(
    connection: DatabaseConnection,
    transport: Arc<dyn Transport>,
    bus: Arc<dyn Bus>,
    stage: &Stage,
) -> Queue {
    let mut effects = Effects::default();
    effects.register::<WithEffect>(stage.clone()).expect("one effect");
    let options = QueueOptions { heartbeat: HEARTBEAT, ..QueueOptions::default() };
    Queue::new(connection, transport, bus, effects, options)
}

fn registry(stage: &Stage, novel: bool) -> Registry {
    let mut registry = Registry::default();
    registry.register::<Scripted>(stage.clone()).expect("one handler");
    registry.register::<WithEffect>(stage.clone()).expect("one handler");
    if novel {
        registry.register::<Novel>(stage.clone()).expect("one handler");
    }
    registry
}

/// A worker of a case.
pub(super) struct TestWorker {
    shutdown: CancellationToken,
    ended: JoinHandle<Result<(), atelier_queue::QueueError>>,
}

impl TestWorker {
    /// Tells it to stop, and returns once it has.
    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        time::timeout(PATIENCE, self.ended)
            .await
            .expect("the worker stops in time")
            .expect("the worker does not panic")
            .expect("the worker ends well");
    }
}

/// A worker that can be killed.
pub(super) struct MortalWorker {
    runtime: Option<tokio::runtime::Runtime>,
}

impl MortalWorker {
    /// Ends it where it stands: no good-bye, no heartbeat more.
    pub(super) fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for MortalWorker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
