//! Whole instances of Atelier in the test's own process.

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
use crate::patience::{until, watch};
use crate::redis::TestRedis;
use crate::smtp::SmtpServer;

/// So high that no test meets it by accident.
const NO_LIMIT: u32 = 100_000;
/// Connections of each role: many tests share one PostgreSQL.
const CONNECTIONS: u32 = 6;
/// How a split installation is reached by its settings; tests use its address.
const PUBLIC_URL: &str = "http://atelier.test";

/// States of jobs that a worker still has to deal with.
const UNFINISHED: [JobState; 3] = [JobState::Available, JobState::Running, JobState::Retrying];

/// An instance about to be started.
pub struct AppSetup {
    /// Its settings: those for tests, without rate limits.
    pub settings: Settings,
    roles: Vec<Role>,
    world: World,
}

/// What an instance works on; it outlives restarts.
struct World {
    _folder: TempDir,
    _split: Option<(TestDatabase, TestRedis)>,
}

impl AppSetup {
    /// Everything in one: SQLite in a folder of its own, no Redis.
    ///
    /// # Panics
    /// If there is no temporary folder.
    #[must_use]
    pub fn embedded() -> Self {
        let (settings, folder) = settings();
        Self { settings, roles: vec![Role::Embedded], world: World { _folder: folder, _split: None } }
    }

    /// An API, a worker and a scheduler on a PostgreSQL and a Redis of their own.
    ///
    /// # Panics
    /// If the servers that `scripts/test` starts are not there.
    pub async fn scaled() -> Self {
        let (mut settings, folder) = settings();
        let (database, redis) = (TestDatabase::create().await, TestRedis::create());
        settings.database.url = database.url.clone().into();
        settings.redis.url = redis.server.url.clone().into();
        settings.redis.key_prefix = redis.prefix.clone();
        settings.server.public_url = PUBLIC_URL.to_owned();
        let roles = vec![Role::Api, Role::Worker, Role::Scheduler];
        Self { settings, roles, world: World { _folder: folder, _split: Some((database, redis)) } }
    }

    /// The same with other settings.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// The same with applications written by this model server.
    #[must_use]
    pub fn with_model(self, server: &FakeOpenAi) -> Self {
        let base_url = server.base_url();
        self.with(|settings| {
            settings.llm.provider = LlmProvider::Openai;
            settings.llm.base_url = base_url;
            settings.llm.api_key = "a key of the model server".into();
        })
    }

    /// The same with mail sent through this server.
    #[must_use]
    pub fn with_mail(self, server: &SmtpServer) -> Self {
        let url = server.url();
        self.with(|settings| settings.mail.smtp_url = url.into())
    }

    /// The same without a role; [`TestApp::start`] or [`TestApp::start_mortal_worker`]
    /// may start it later.
    #[must_use]
    pub fn without(mut self, role: Role) -> Self {
        self.roles.retain(|other| *other != role);
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(self) -> TestApp {
        let Self { settings, roles, world } = self;
        let mut app = TestApp { parts: Vec::new(), settings, roles, finished: false, _world: world };
        app.start_all().await;
        app
    }
}

fn settings() -> (Settings, TempDir) {
    let folder = TempDir::with_prefix("atelier-app-").expect("a temporary folder can be created");
    let mut settings = Settings::for_tests();
    settings.server.data_dir = folder.path().to_owned();
    settings.database.max_connections = CONNECTIONS;
    settings.limits.requests_per_minute = NO_LIMIT;
    settings.limits.auth_per_minute = NO_LIMIT;
    settings.limits.generation_per_minute = NO_LIMIT;
    settings.limits.preview_per_minute = NO_LIMIT;
    (settings, folder)
}

/// A running installation. A test ends with [`TestApp::finish`].
pub struct TestApp {
    parts: Vec<Part>,
    /// What it was started with.
    pub settings: Settings,
    roles: Vec<Role>,
    finished: bool,
    _world: World,
}

struct Part {
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

    /// Starts one more instance of a role and answers where it listens.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(&mut self, role: Role) -> Client {
        let shutdown = Shutdown::new(self.settings.server.shutdown_grace());
        let instance = Instance::start(self.settings.clone(), role, shutdown.clone()).await;
        let instance = instance.unwrap_or_else(|error| panic!("{role:?} does not start: {error:#}"));
        let client = Client::new(instance.url());
        self.parts.push(Part { role, instance, shutdown });
        client
    }

    /// Starts a worker in a runtime of its own, which can be killed as a process can.
    ///
    /// # Panics
    /// If there is no runtime; if it does not start it is never ready.
    #[must_use]
    pub fn start_mortal_worker(&self) -> MortalWorker {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let settings = self.settings.clone();
        runtime.spawn(async move {
            let shutdown = Shutdown::new(settings.server.shutdown_grace());
            let instance = Instance::start(settings, Role::Worker, shutdown).await.expect("a worker");
            instance.finish().await
        });
        MortalWorker { runtime: Some(runtime) }
    }

    /// Stops everything as a SIGTERM does and starts it again on the same data.
    ///
    /// # Panics
    /// If a role ends badly or does not start again.
    pub async fn restart(&mut self) {
        self.stop_all().await;
        self.start_all().await;
    }

    async fn stop_all(&mut self) {
        let parts = std::mem::take(&mut self.parts);
        for part in &parts {
            part.shutdown.start();
        }
        for Part { role, instance, .. } in parts {
            instance.finish().await.unwrap_or_else(|error| panic!("{role:?} ended badly: {error:#}"));
        }
    }

    /// The instance with the API.
    fn api(&self) -> &Part {
        let has_api = |part: &&Part| matches!(part.role, Role::Embedded | Role::Api);
        self.parts.iter().find(has_api).expect("an API runs")
    }

    /// A client of the API, signed in as nobody.
    ///
    /// # Panics
    /// If no API runs.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.api().instance.url())
    }

    /// The path of an address under the instance's public URL.
    ///
    /// # Panics
    /// If it is another's.
    #[must_use]
    pub fn path_of<'a>(&self, url: &'a str) -> &'a str {
        let configured = self.settings.server.public_url.as_str();
        let public = if configured.is_empty() { self.api().instance.url() } else { configured };
        url.strip_prefix(public).unwrap_or_else(|| panic!("{url} is not under {public}"))
    }

    /// What the API's instance works with.
    ///
    /// # Panics
    /// If no API runs.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        self.api().instance.platform()
    }

    /// The job machine, as the API's instance sees it.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.platform().queue
    }

    /// The database, as the API's instance sees it.
    #[must_use]
    pub fn db(&self) -> &DatabaseConnection {
        &self.platform().db
    }

    /// Lets this much time pass for an embedded instance, once no job runs: the lease
    /// of one that does would be over.
    ///
    /// # Panics
    /// If the instance is not embedded: a split one goes by the database's clock.
    pub async fn advance(&self, by: TimeDelta) {
        assert!(self.settings.is_sqlite(), "only an embedded instance travels in time");
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

    /// Ends it, once every job has ended.
    ///
    /// # Panics
    /// If jobs are left that wait, run or are to be retried.
    pub async fn finish(self) {
        self.finish_leaving(&[]).await;
    }

    /// Ends it, once every job has ended but those of these kinds.
    ///
    /// # Panics
    /// If others are left.
    pub async fn finish_leaving(mut self, kinds: &[&str]) {
        let others = || {
            let unfinished = jobs::Entity::find().filter(jobs::Column::State.is_in(UNFINISHED));
            unfinished.filter(jobs::Column::Kind.is_not_in(kinds.iter().copied()))
        };
        let left = async || others().all(self.db()).await.expect("a database");
        let ended = watch(async || left().await.is_empty().then_some(())).await;
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
pub struct MortalWorker {
    runtime: Option<Runtime>,
}

impl MortalWorker {
    /// Ends it where it stands: no good-bye, no heartbeat more.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for MortalWorker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
