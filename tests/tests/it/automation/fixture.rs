//! A database, a transport, a scheduler, and workers whose nodes are scripted.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use atelier_automation::{
    Automation,
    graph::Graph,
    runs::{ReconcileRuns, Runs, StartInput},
    schedules::Schedules,
    testing::{Script, Scripted, modules, publish},
    workflows::Workflows,
};
use atelier_entities::{RunId, RunStatus, UserId, WorkflowId, jobs, workflow_runs, workflows};
use atelier_foundation::{
    Actor, Foundation, Ports,
    identity::OAuthSetup,
    projects::Projects,
    testing::{self, acting, effects_of, options, registry_of},
};
use atelier_providers::{
    mail::fake::ScriptedMailer,
    object_store::{ObjectStoreOptions, Objects},
};
use atelier_queue::{
    NewJob, Queue, QueueName, QueueOptions, Registry,
    bus::{Bus, LocalBus},
    relay, rescue,
    transport::{InProcess, RedisHub, RedisOptions, Transport},
    worker::{self, WorkerOptions},
};
use atelier_tests::{TestDatabase, TestRedis};
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::JoinHandle, time};
use tokio_util::sync::CancellationToken;

/// How long a case waits for a condition.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// The time between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(1);

enum TransportKind {
    Memory(InProcess),
    Redis(TestRedis),
}

/// What the processes of a case share.
struct Shared {
    database: TestDatabase,
    transport: TransportKind,
    folder: TempDir,
    script: Script,
}

impl Shared {
    /// The services of a process of its own: its own connections, but not its own data.
    async fn services(&self) -> Scripted {
        let (transport, bus): (Arc<dyn Transport>, Arc<dyn Bus>) = match &self.transport {
            TransportKind::Memory(transport) => (Arc::new(transport.clone()), Arc::new(LocalBus::default())),
            TransportKind::Redis(redis) => {
                let options = RedisOptions {
                    client: redis.server.client(),
                    key_prefix: redis.prefix.clone(),
                    command_timeout: Duration::from_secs(2),
                    consumer_timeout: HEARTBEAT * 4,
                };
                let hub = RedisHub::connect(options).await.expect("a Redis URL");
                (hub.clone(), hub)
            }
        };
        let modules = modules();
        let connection = self.database.connect().await;
        let queue_options = QueueOptions { heartbeat: HEARTBEAT, ..QueueOptions::default() };
        let queue = Queue::new(connection, transport, bus, effects_of(&modules), queue_options);
        let objects = ObjectStoreOptions::Folder(self.folder.path().to_path_buf());
        let objects = Objects::open(&objects).expect("a store");
        let oauth = OAuthSetup {
            providers: BTreeMap::default().into_iter().collect(),
            public_url: "https://atelier.example".to_owned(),
            frontend_url: "https://app.example".to_owned(),
        };
        let mailer = Arc::new(ScriptedMailer::new([]));
        let deps = atelier_foundation::Deps { mailer, objects: objects.clone(), oauth };
        let foundation = Foundation::new(queue, deps, options(), Ports::of(&modules));
        let automation = Automation::new(&foundation, atelier_automation::testing::deps(objects));
        Scripted { foundation, automation, script: self.script.clone() }
    }
}

/// The fixture of a case. Dropping it stops its scheduler and workers.
pub(super) struct Fixture {
    services: Scripted,
    registry: Registry,
    user: UserId,
    stop: CancellationToken,
    scheduler: Mutex<CancellationToken>,
    shared: Arc<Shared>,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Fixture {
    pub(super) async fn sqlite() -> Self {
        let transport = TransportKind::Memory(InProcess::default());
        Self::new(TestDatabase::sqlite().await, transport).await
    }

    pub(super) async fn postgres_redis() -> Self {
        Self::new(TestDatabase::create().await, TransportKind::Redis(TestRedis::create())).await
    }

    async fn new(database: TestDatabase, transport: TransportKind) -> Self {
        let folder = TempDir::with_prefix("atelier-runs-").expect("a temporary folder");
        let shared = Arc::new(Shared { database, transport, folder, script: Script::default() });
        let services = shared.services().await;
        let registration = testing::Fixture::registration("ada@example.org");
        let user = services.foundation.identity.register(&Actor::anonymous(), registration).await;
        let user = user.expect("registered").user.id;
        let registry = registry_of(&modules(), &services);
        let (stop, scheduler) = (CancellationToken::new(), Mutex::new(CancellationToken::new()));
        let fixture = Self { services, registry, user, stop, scheduler, shared };
        fixture.start_scheduler();
        fixture
    }

    /// Starts the only scheduler.
    pub(super) fn start_scheduler(&self) {
        let token = self.stop.child_token();
        tokio::spawn(token.clone().run_until_cancelled_owned(schedule(self.queue().clone())));
        *self.scheduler.lock().expect("no case panicked with it") = token;
    }

    /// Stops the scheduler wherever it is.
    pub(super) fn kill_scheduler(&self) {
        self.scheduler.lock().expect("no case panicked with it").cancel();
    }

    /// Deletes all ids from the transport.
    pub(super) async fn forget_transport(&self) {
        match &self.shared.transport {
            TransportKind::Memory(transport) => transport.forget(),
            TransportKind::Redis(redis) => redis.flush().await,
        }
    }

    /// Starts a worker in a separate runtime, which can be killed like a process.
    pub(super) fn killable_worker(&self) -> KillableWorker {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let shared = self.shared.clone();
        // Connections belong to the runtime that created them, so the worker opens its own.
        runtime.spawn(async move {
            let services = shared.services().await;
            drop(shared);
            let registry = registry_of(&modules(), &services);
            let options = worker_options(4, Duration::ZERO);
            worker::run(services.foundation.queue.clone(), registry, options, CancellationToken::new()).await
        });
        KillableWorker(Some(runtime))
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.services.foundation.queue
    }

    pub(super) fn runs(&self) -> &Runs {
        &self.services.automation.runs
    }

    pub(super) fn workflows(&self) -> &Workflows {
        &self.services.automation.workflows
    }

    pub(super) fn projects(&self) -> &Projects {
        &self.services.foundation.projects
    }

    pub(super) fn script(&self) -> &Script {
        &self.services.script
    }

    pub(super) fn schedules(&self) -> &Schedules {
        &self.services.automation.schedules
    }

    pub(super) const fn user(&self) -> UserId {
        self.user
    }

    pub(super) fn actor(&self) -> Actor {
        acting(self.user)
    }

    /// Starts a worker with this number of slots.
    pub(super) fn worker(&self, concurrency: usize) -> JoinHandle<Result<(), atelier_queue::QueueError>> {
        let options = worker_options(concurrency, Duration::from_millis(200));
        tokio::spawn(worker::run(
            self.queue().clone(),
            self.registry.clone(),
            options,
            self.stop.child_token(),
        ))
    }

    pub(super) async fn publish(
        &self,
        graph: &Graph,
        change: impl FnOnce(&mut workflows::ActiveModel),
    ) -> WorkflowId {
        publish(self.queue(), self.user, graph, change).await.expect("published")
    }

    pub(super) async fn start(&self, workflow: WorkflowId) -> RunId {
        let input = StartInput { input: json!({"n": 7}), ..StartInput::default() };
        self.runs().start(&self.actor(), workflow, input).await.expect("started").run.id
    }

    /// Waits until the run is in this state.
    pub(super) async fn reaches(&self, run: RunId, status: RunStatus) {
        self.until(&format!("{run} is {status}"), async || {
            let row = workflow_runs::Entity::find_by_id(run).one(self.queue().db()).await;
            let row = row.expect("asked").expect("there");
            assert!(!row.status.is_final() || row.status == status || row.generation > 0, "{row:?}");
            (row.status == status).then_some(())
        })
        .await;
    }

    /// The runs of a workflow that have not ended, the oldest first.
    pub(super) async fn list_open(&self, workflow: WorkflowId) -> Vec<(RunId, RunStatus)> {
        let open = workflow_runs::Entity::find()
            .select_only()
            .columns([workflow_runs::Column::Id, workflow_runs::Column::Status])
            .filter(workflow_runs::Column::WorkflowId.eq(workflow))
            .filter(workflow_runs::Column::FinishedAt.is_null())
            .order_by_asc(workflow_runs::Column::Id);
        open.into_tuple().all(self.queue().db()).await.expect("listed")
    }

    pub(super) async fn count_unfinished_jobs(&self) -> u64 {
        let of_workflows = jobs::Entity::find().filter(jobs::Column::Queue.eq("workflow"));
        let unfinished = of_workflows.filter(Expr::cust("jobs.phase < 2"));
        unfinished.count(self.queue().db()).await.expect("counted")
    }

    pub(super) async fn delete_jobs(&self) {
        let gone = jobs::Entity::delete_many().filter(jobs::Column::Queue.eq("workflow"));
        gone.exec(self.queue().db()).await.expect("deleted");
    }

    /// Enqueues the repair of what no job moves.
    pub(super) async fn reconcile(&self) {
        self.queue().enqueue(NewJob::of(&ReconcileRuns {})).await.expect("enqueued");
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

/// The options of a worker with this number of slots.
fn worker_options(concurrency: usize, grace: Duration) -> WorkerOptions {
    WorkerOptions {
        concurrency: QueueName::ALL.iter().map(|queue| (*queue, concurrency)).collect(),
        grace,
        host: "test".to_owned(),
        version: "test".to_owned(),
        ..WorkerOptions::default()
    }
}

/// A worker that can be killed.
pub(super) struct KillableWorker(Option<Runtime>);

impl KillableWorker {
    /// Stops it at once, without a drain, and waits until its connections are closed.
    pub(super) fn kill(mut self) {
        if let Some(runtime) = self.0.take() {
            tokio::task::block_in_place(|| runtime.shutdown_timeout(TIME_LIMIT));
        }
    }
}

impl Drop for KillableWorker {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

async fn schedule(queue: Queue) {
    loop {
        // The next pass retries a failed one.
        let _ = relay::tick(&queue).await;
        let _ = rescue::tick(&queue).await;
        let _ = rescue::reclaim(&queue).await;
        time::sleep(Duration::from_millis(50)).await;
    }
}
