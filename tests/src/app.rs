//! Complete instances of Atelier in the process of the test.

use atelier_config::{LlmProvider, Role, Settings};
use atelier_entities::{JobState, jobs};
use atelier_ops::shutdown::Shutdown;
use atelier_queue::Queue;
use atelier_server::{instance::Instance, wire::Platform};
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::client::Client;
use crate::database::TestDatabase;
use crate::openai::FakeOpenAi;
use crate::redis::TestRedis;
use crate::smtp::SmtpServer;
use crate::waiting::{poll_until, until};

/// So high that no test exceeds it by accident.
const UNLIMITED: u32 = 100_000;
/// Connections per role: many tests share one PostgreSQL.
const CONNECTIONS: u32 = 6;
/// The public URL in the settings of a split installation; tests use its address instead.
const PUBLIC_URL: &str = "http://atelier.test";

/// The states of jobs that a worker still has to run.
const UNFINISHED: [JobState; 3] = [JobState::Available, JobState::Running, JobState::Retrying];

/// The setup of an installation.
pub struct AppSetup {
    /// The settings: test settings without rate limits.
    pub settings: Settings,
    roles: Vec<Role>,
    resources: Resources,
}

/// The resources of an installation, which outlive restarts.
struct Resources {
    _folder: TempDir,
    _split: Option<(TestDatabase, TestRedis)>,
}

impl AppSetup {
    /// An embedded instance: SQLite in a temporary folder, no Redis.
    ///
    /// # Panics
    /// If there is no temporary folder.
    #[must_use]
    pub fn embedded() -> Self {
        let (settings, folder) = settings();
        Self { settings, roles: vec![Role::Embedded], resources: Resources { _folder: folder, _split: None } }
    }

    /// An API, a worker and a scheduler with their own PostgreSQL database and Redis prefix.
    ///
    /// # Panics
    /// If the servers of `scripts/test` are not running.
    pub async fn scaled() -> Self {
        let (mut settings, folder) = settings();
        let (database, redis) = (TestDatabase::create().await, TestRedis::create());
        settings.database.url = database.url.clone().into();
        settings.redis.url = redis.server.url.clone().into();
        settings.redis.key_prefix = redis.prefix.clone();
        settings.server.public_url = PUBLIC_URL.to_owned();
        let roles = vec![Role::Api, Role::Worker, Role::Scheduler];
        Self { settings, roles, resources: Resources { _folder: folder, _split: Some((database, redis)) } }
    }

    /// Changes the settings.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Uses this model server for generations.
    #[must_use]
    pub fn with_model(self, server: &FakeOpenAi) -> Self {
        let base_url = server.base_url();
        self.with(|settings| {
            settings.llm.provider = LlmProvider::Openai;
            settings.llm.base_url = base_url;
            settings.llm.api_key = "a key of the model server".into();
            settings.llm.max_retries = 0;
            settings.llm.max_continuations = 0;
        })
    }

    /// Sends mail through this server.
    #[must_use]
    pub fn with_mail(self, server: &SmtpServer) -> Self {
        let url = server.url();
        self.with(|settings| settings.mail.smtp_url = url.into())
    }

    /// Leaves out a role. [`TestApp::start`] or [`TestApp::start_killable_worker`] may start it
    /// later.
    #[must_use]
    pub fn without(mut self, role: Role) -> Self {
        self.roles.retain(|other| *other != role);
        self
    }

    /// Starts the installation.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(self) -> TestApp {
        let Self { settings, roles, resources } = self;
        let mut app = TestApp { running: Vec::new(), settings, roles, finished: false, _world: resources };
        app.start_all().await;
        app
    }
}

fn settings() -> (Settings, TempDir) {
    let folder = TempDir::with_prefix("atelier-app-").expect("a temporary folder can be created");
    let mut settings = Settings::for_tests();
    settings.server.data_dir = folder.path().to_owned();
    settings.database.max_connections = CONNECTIONS;
    settings.limits.requests_per_minute = UNLIMITED;
    settings.limits.auth_per_minute = UNLIMITED;
    settings.limits.generation_per_minute = UNLIMITED;
    settings.limits.preview_per_minute = UNLIMITED;
    (settings, folder)
}

/// A running installation. A test ends with [`TestApp::finish`].
pub struct TestApp {
    running: Vec<RunningRole>,
    /// The settings that it was started with.
    pub settings: Settings,
    roles: Vec<Role>,
    finished: bool,
    _world: Resources,
}

struct RunningRole {
    role: Role,
    instance: Instance,
    shutdown: Shutdown,
}

impl TestApp {
    async fn start_all(&mut self) {
        for role in self.roles.clone() {
            self.start(role).await;
        }
    }

    /// Starts another instance of a role and returns a client of it.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(&mut self, role: Role) -> Client {
        let shutdown = Shutdown::new(self.settings.server.shutdown_grace());
        let instance = Instance::start(self.settings.clone(), role, shutdown.clone()).await;
        let instance = instance.unwrap_or_else(|error| panic!("{role:?} does not start: {error:#}"));
        let client = Client::new(instance.url());
        self.running.push(RunningRole { role, instance, shutdown });
        client
    }

    /// Starts a worker in a separate runtime, which can be killed like a process.
    ///
    /// # Panics
    /// If the runtime cannot be created. A failed start of the worker is not reported.
    #[must_use]
    pub fn start_killable_worker(&self) -> KillableWorker {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let settings = self.settings.clone();
        runtime.spawn(async move {
            let shutdown = Shutdown::new(settings.server.shutdown_grace());
            let instance = Instance::start(settings, Role::Worker, shutdown).await.expect("a worker");
            instance.finish().await
        });
        KillableWorker { runtime: Some(runtime) }
    }

    /// Stops all roles like a SIGTERM, and starts them again with the same data.
    ///
    /// # Panics
    /// If a role fails or does not start again.
    pub async fn restart(&mut self) {
        self.stop_all().await;
        self.start_all().await;
    }

    async fn stop_all(&mut self) {
        let running = std::mem::take(&mut self.running);
        for role in &running {
            role.shutdown.start();
        }
        for RunningRole { role, instance, .. } in running {
            instance.finish().await.unwrap_or_else(|error| panic!("{role:?} failed: {error:#}"));
        }
    }

    /// The instance with the API.
    fn api(&self) -> &RunningRole {
        let has_api = |role: &&RunningRole| matches!(role.role, Role::Embedded | Role::Api);
        self.running.iter().find(has_api).expect("an API runs")
    }

    /// A client of the API without a sign-in.
    ///
    /// # Panics
    /// If no API runs.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.api().instance.url())
    }

    /// The path of a URL under the instance's public URL.
    ///
    /// # Panics
    /// If the URL is elsewhere.
    #[must_use]
    pub fn path_of<'a>(&self, url: &'a str) -> &'a str {
        let configured = self.settings.server.public_url.as_str();
        let public = if configured.is_empty() { self.api().instance.url() } else { configured };
        url.strip_prefix(public).unwrap_or_else(|| panic!("{url} is not under {public}"))
    }

    /// The platform of the API's instance.
    ///
    /// # Panics
    /// If no API runs.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        self.api().instance.platform()
    }

    /// The queue of the API's instance.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.platform().queue
    }

    /// The database of the API's instance.
    #[must_use]
    pub fn db(&self) -> &DatabaseConnection {
        &self.platform().db
    }

    /// Advances the clock of an embedded instance. It first waits until no job runs, because
    /// the lease of a running job would expire.
    ///
    /// # Panics
    /// If the instance is not embedded: a split one uses the database's clock.
    pub async fn advance(&self, by: TimeDelta) {
        assert!(self.settings.is_sqlite(), "only the clock of an embedded instance can be advanced");
        until("no job runs", async || {
            let running = jobs::Entity::find().filter(jobs::Column::State.eq(JobState::Running));
            (running.count(self.db()).await.expect("a database") == 0).then_some(())
        })
        .await;
        self.queue().clock().advance(by);
    }

    /// The jobs of a kind, oldest first.
    ///
    /// # Panics
    /// If the database does not answer.
    pub async fn jobs_of(&self, kind: &str) -> Vec<jobs::Model> {
        let mut found = jobs::Entity::find()
            .filter(jobs::Column::Kind.eq(kind))
            .all(self.db())
            .await
            .expect("a database");
        found.sort_by_key(|job| job.id);
        found
    }

    /// Waits until every job has ended, and stops the installation.
    ///
    /// # Panics
    /// If jobs are left that are available, running or retrying.
    pub async fn finish(self) {
        self.finish_leaving(&[]).await;
    }

    /// Like [`Self::finish`], but ignores unfinished jobs of these kinds.
    ///
    /// # Panics
    /// If other jobs are left.
    pub async fn finish_leaving(mut self, kinds: &[&str]) {
        let others = || {
            let unfinished = jobs::Entity::find().filter(jobs::Column::State.is_in(UNFINISHED));
            unfinished.filter(jobs::Column::Kind.is_not_in(kinds.iter().copied()))
        };
        let left = async || others().all(self.db()).await.expect("a database");
        let ended = poll_until(async || left().await.is_empty().then_some(())).await;
        if ended.is_none() {
            let line = |job: jobs::Model| format!("{} {} {:?}", job.kind, job.state, job.error);
            let lines: Vec<String> = left().await.into_iter().map(line).collect();
            panic!("jobs are left: {lines:#?}");
        }
        self.stop_all().await;
        self.finished = true;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let forgotten = !self.finished && !std::thread::panicking();
        assert!(!forgotten, "the test did not finish its instance");
    }
}

/// A worker that can be killed.
pub struct KillableWorker {
    runtime: Option<Runtime>,
}

impl KillableWorker {
    /// Stops it at once, without a drain.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for KillableWorker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
