//! The fixture of a conformance case: a database, a transport, a scheduler, and workers with
//! scripted handlers.

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

use super::scripted::{Scripted, ScriptedHandlers, Unknown, WithEffect};

/// How long a case waits for a condition.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The time between two heartbeats; a lease lasts two.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);

enum TransportKind {
    Memory(InProcess),
    Redis(TestRedis),
}

/// The fixture of a case. Dropping it stops its scheduler and workers.
pub(super) struct Fixture {
    pub(super) queue: Queue,
    pub(super) handlers: ScriptedHandlers,
    transport_kind: TransportKind,
    stop: CancellationToken,
    database: Arc<TestDatabase>,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Fixture {
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
        Self::new(database, Arc::new(transport.clone()), bus, TransportKind::Memory(transport))
    }

    async fn redis(database: TestDatabase) -> Self {
        let redis = TestRedis::create();
        let hub = RedisHub::connect(redis_options(&redis)).await.expect("a Redis URL");
        Self::new(database, hub.clone(), hub, TransportKind::Redis(redis))
    }

    fn new(
        database: TestDatabase,
        transport: Arc<dyn Transport>,
        bus: Arc<dyn Bus>,
        transport_kind: TransportKind,
    ) -> Self {
        let handlers = ScriptedHandlers::default();
        let queue = queue_of(database.connection.clone(), transport, bus, &handlers);
        let stop = CancellationToken::new();
        let fixture = Self { queue, handlers, transport_kind, stop, database: Arc::new(database) };
        fixture.start_scheduler();
        fixture
    }

    fn start_scheduler(&self) {
        let (queue, stop) = (self.queue.clone(), self.stop.clone());
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            loop {
                // The next pass retries a failed one.
                let _ = relay::tick(&queue).await;
                let _ = rescue::tick(&queue).await;
                let _ = rescue::reclaim(&queue).await;
                time::sleep(Duration::from_millis(50)).await;
            }
        }));
    }

    /// Starts a worker with this number of slots.
    pub(super) fn worker(&self, concurrency: usize) -> TestWorker {
        self.start(concurrency, false)
    }

    /// Starts a worker that also knows [`Unknown`].
    pub(super) fn worker_of_the_next_version(&self) -> TestWorker {
        self.start(4, true)
    }

    fn start(&self, concurrency: usize, knows_unknown: bool) -> TestWorker {
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
            registry(&self.handlers, knows_unknown),
            options,
            shutdown.clone(),
        ));
        TestWorker { shutdown, ended }
    }

    /// Starts a worker in a separate runtime, which can be killed like a process.
    pub(super) fn killable_worker(&self) -> KillableWorker {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let options = WorkerOptions {
            concurrency: BTreeMap::from([(QueueName::Stats, 4)]),
            grace: Duration::ZERO,
            host: "killable".to_owned(),
            version: "test".to_owned(),
            ..WorkerOptions::default()
        };
        let (database, handlers) = (self.database.clone(), self.handlers.clone());
        let memory = match &self.transport_kind {
            TransportKind::Memory(transport) => Ok(transport.clone()),
            TransportKind::Redis(redis) => Err(redis_options(redis)),
        };
        // Connections belong to the runtime that created them, so the worker opens its own.
        runtime.spawn(async move {
            let connection = database.connect().await;
            drop(database);
            let queue = match memory {
                Ok(transport) => {
                    queue_of(connection, Arc::new(transport), Arc::new(LocalBus::default()), &handlers)
                }
                Err(options) => {
                    let hub = RedisHub::connect(options).await.expect("a Redis URL");
                    queue_of(connection, hub.clone(), hub, &handlers)
                }
            };
            worker::run(queue, registry(&handlers, false), options, CancellationToken::new()).await
        });
        KillableWorker { runtime: Some(runtime) }
    }

    /// Deletes all ids from the transport.
    pub(super) async fn forget_transport(&self) {
        match &self.transport_kind {
            TransportKind::Memory(transport) => transport.forget(),
            TransportKind::Redis(redis) => redis.flush().await,
        }
    }

    /// The URL of the database, for another process.
    pub(super) fn database_url(&self) -> &str {
        &self.database.url
    }

    /// The keys in Redis; none without Redis.
    pub(super) async fn transport_keys(&self) -> Vec<String> {
        match &self.transport_kind {
            TransportKind::Memory(_) => Vec::new(),
            TransportKind::Redis(redis) => redis.list_keys().await,
        }
    }

    pub(super) async fn job(&self, id: JobId) -> jobs::Model {
        self.queue.find_job(id, None).await.expect("a database").expect("the job")
    }

    /// Waits until the job is in this state, and returns it.
    pub(super) async fn reaches(&self, id: JobId, state: JobState) -> jobs::Model {
        self.until(&format!("{id} is {state}"), async || {
            let job = self.job(id).await;
            (job.state == state).then_some(job)
        })
        .await
    }

    /// Polls until a value is found, and returns it.
    pub(super) async fn until<T>(&self, what: &str, poll: impl AsyncFn() -> Option<T>) -> T {
        let found = time::timeout(TIME_LIMIT, async {
            loop {
                if let Some(found) = poll().await {
                    return found;
                }
                time::sleep(Duration::from_millis(10)).await;
            }
        });
        found.await.unwrap_or_else(|_| panic!("timed out waiting until {what}"))
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
    handlers: &ScriptedHandlers,
) -> Queue {
    let mut effects = Effects::default();
    effects.register::<WithEffect>(handlers.clone()).expect("one effect");
    let options = QueueOptions { heartbeat: HEARTBEAT, ..QueueOptions::default() };
    Queue::new(connection, transport, bus, effects, options)
}

fn registry(handlers: &ScriptedHandlers, knows_unknown: bool) -> Registry {
    let mut registry = Registry::default();
    registry.register::<Scripted>(handlers.clone()).expect("one handler");
    registry.register::<WithEffect>(handlers.clone()).expect("one handler");
    if knows_unknown {
        registry.register::<Unknown>(handlers.clone()).expect("one handler");
    }
    registry
}

/// A running worker.
pub(super) struct TestWorker {
    shutdown: CancellationToken,
    ended: JoinHandle<Result<(), atelier_queue::QueueError>>,
}

impl TestWorker {
    /// Stops the worker and waits until it has ended.
    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        time::timeout(TIME_LIMIT, self.ended)
            .await
            .expect("the worker stops in time")
            .expect("the worker does not panic")
            .expect("the worker ends without an error");
    }
}

/// A worker that can be killed.
pub(super) struct KillableWorker {
    runtime: Option<tokio::runtime::Runtime>,
}

impl KillableWorker {
    /// Stops it at once, without a drain.
    pub(super) fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for KillableWorker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
