//! A fixture for a domain: SQLite in a temporary folder, the in-process transport, a
//! scripted mailer, and a worker that runs on demand.

use std::{sync::Arc, time::Duration};

use atelier_entities::{
    JobId, JobState, ProjectKind, SignInProvider, UserId, account_erasures, credit_transactions, jobs,
    projects, users,
};
use atelier_providers::{
    mail::{Delivery, MailError, fake::ScriptedMailer},
    oauth::{IdentityProvider, fake::ScriptedProvider},
    object_store::{ObjectStoreOptions, Objects},
};
use atelier_queue::{
    Effects, Queue, QueueName, QueueOptions, Registry,
    bus::LocalBus,
    relay,
    retention::RetentionRules,
    transport::InProcess,
    worker::{self, WorkerOptions},
};
use chrono::TimeDelta;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, sea_query::Expr,
};
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{
    Actor, AuthOptions, Client, CreditOptions, Deps, EffectPorts, Foundation, FoundationOptions, MailOptions,
    Module, Ports, RetentionOptions, database,
    identity::{OAuthSetup, Registration},
    key_ring::{KEY_BYTES, KeyRing},
    projects::NewProject,
};

mod mails;
mod rows;

pub use mails::{REMINDER, render};
pub use rows::list_rows_as_text;

/// An actor for that person.
#[must_use]
pub fn acting(user: UserId) -> Actor {
    Actor::of_job(Some(user))
}

/// An anonymous actor at that IP address.
#[must_use]
pub fn at_address(ip: &str) -> Actor {
    Actor::anonymous().with_client(Client { ip: Some(ip.to_owned()), ..Client::default() })
}

/// A client with an IP address and a user agent.
#[must_use]
pub fn curl() -> Client {
    let user_agent = Some("curl/8.5.0".to_owned());
    Client { ip: Some("192.0.2.1".to_owned()), user_agent, device: None }
}

/// Longest a test waits for a worker.
const PATIENCE: Duration = Duration::from_secs(60);

/// A fixture with the services `S`.
pub struct Fixture<S = Foundation> {
    /// The services under test.
    pub services: S,
    /// Captures mails.
    pub mailer: Arc<ScriptedMailer>,
    /// The object store.
    pub objects: Objects,
    /// A sign-in provider.
    pub google: Arc<ScriptedProvider>,
    foundation: Foundation,
    registry: Registry,
    folder: TempDir,
}

/// The services of a fixture.
pub struct Assembled<S> {
    /// All of them.
    pub services: S,
    /// The foundation among them.
    pub foundation: Foundation,
    /// The handlers of their jobs.
    pub registry: Registry,
}

/// Settings for tests.
#[must_use]
pub fn options() -> FoundationOptions {
    let days = |days: u64| Duration::from_secs(days * 24 * 3600);
    FoundationOptions {
        auth: AuthOptions {
            jwt_secret: SecretString::from("0123456789abcdef0123456789abcdef"),
            access_token: Duration::from_secs(30 * 60),
            refresh_token: days(7),
            refresh_grace: Duration::from_secs(10),
            max_sign_in_age: days(90),
            hash_concurrency: 2,
            require_verified_email: false,
            hide_registered_emails: false,
            issuer: "https://atelier.example".to_owned(),
            admin_email: None,
        },
        key_ring: KeyRing::new([("test".to_owned(), &[7; KEY_BYTES])]),
        credits: CreditOptions { signup_grant: 10, quick_price: 2, advanced_price: 4 },
        max_projects: 100,
        mail: MailOptions {
            from: "Atelier <no-reply@example.org>".to_owned(),
            reply_to: None,
            public_url: "https://atelier.example".to_owned(),
        },
        retention: RetentionOptions {
            jobs: RetentionRules { succeeded: days(7), failed: days(30), cancelled: days(7), batch: 100 },
            idempotency: days(1),
            audit: None,
            audit_archives: None,
        },
    }
}

/// The effects of these modules.
#[must_use]
pub fn effects_of<S>(modules: &[Module<S>]) -> Effects
where
    S: Clone + Send + Sync + 'static,
{
    let (mut effects, ports) = (Effects::default(), EffectPorts::of(modules));
    ports.offer_to(&mut effects);
    for kind in modules.iter().flat_map(|module| &module.kinds) {
        kind.register_effect(&mut effects, &ports).expect("one effect a kind");
    }
    effects
}

/// The handlers of these modules.
#[must_use]
pub fn registry_of<S>(modules: &[Module<S>], services: &S) -> Registry
where
    S: Clone + Send + Sync + 'static,
{
    let mut registry = Registry::default();
    for kind in modules.iter().flat_map(|module| &module.kinds) {
        kind.register(services, &mut registry).expect("one handler a kind");
    }
    registry
}

/// Runs every due job with these handlers.
pub async fn work(queue: &Queue, registry: &Registry) {
    work_on((queue, registry), &QueueName::ALL, async || count_due(queue).await == 0).await;
}

/// Runs the due jobs of these queues until `is_done` returns true.
async fn work_on(
    (queue, registry): (&Queue, &Registry),
    queues: &[QueueName],
    is_done: impl AsyncFn() -> bool,
) {
    relay::tick(queue).await.expect("relayed");
    let mut news = queue.bus().subscribe();
    let stop = CancellationToken::new();
    let options = WorkerOptions {
        concurrency: queues.iter().map(|queue| (*queue, 2)).collect(),
        grace: Duration::from_secs(5),
        host: "test".to_owned(),
        version: "test".to_owned(),
        ..WorkerOptions::default()
    };
    let running = worker::run(queue.clone(), registry.clone(), options, stop.clone());
    let worker = tokio::spawn(running);
    let idle = async {
        while !is_done().await {
            news.recv().await.expect("the bus stays open");
        }
    };
    tokio::time::timeout(PATIENCE, idle).await.expect("the worker gets idle");
    stop.cancel();
    worker.await.expect("no panic").expect("a clean stop");
}

async fn count_due(queue: &Queue) -> u64 {
    jobs::Entity::find()
        .filter(jobs::Column::State.is_in([JobState::Available, JobState::Running]))
        .count(queue.db())
        .await
        .expect("counted")
}

impl Fixture {
    /// A fixture with the settings of [`options`].
    pub async fn new() -> Self {
        Self::with(ScriptedMailer::new([]), options()).await
    }

    /// A fixture with a scripted mailer.
    pub async fn with_mailer(script: impl IntoIterator<Item = Result<Delivery, MailError>>) -> Self {
        Self::with(ScriptedMailer::new(script), options()).await
    }

    /// A fixture with other settings.
    pub async fn with_options(options: FoundationOptions) -> Self {
        Self::with(ScriptedMailer::new([]), options).await
    }

    /// A fixture with another mailer and other settings.
    pub async fn with(mailer: ScriptedMailer, options: FoundationOptions) -> Self {
        let modules = [crate::module().with_mails(&[&REMINDER])];
        Self::assemble(mailer, effects_of(&modules), |queue, deps| {
            let foundation = Foundation::new(queue, deps, options, Ports::of(&modules));
            let registry = registry_of(&modules, &foundation);
            Assembled { services: foundation.clone(), foundation, registry }
        })
        .await
    }

    /// The input of a registration.
    #[must_use]
    pub fn registration(email: &str) -> Registration {
        Registration {
            email: email.to_owned(),
            password: "correct horse".to_owned(),
            full_name: "Ada Lovelace".to_owned(),
            locale: None,
            time_zone: None,
            country: Some("gb".to_owned()),
        }
    }
}

impl<S> Fixture<S> {
    /// Creates a fixture. `build` gets the queue and the dependencies of the foundation.
    pub async fn assemble(
        mailer: ScriptedMailer,
        effects: Effects,
        build: impl FnOnce(Queue, Deps) -> Assembled<S>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
        let wait = Duration::from_secs(5);
        let db = database::connect(&url, 8, wait, wait).await.expect("connected");
        database::migrate(&db).await.expect("migrated");
        let transport = Arc::new(InProcess::default());
        let queue =
            Queue::new(db, transport, Arc::new(LocalBus::default()), effects, QueueOptions::default());
        let objects =
            Objects::open(&ObjectStoreOptions::Folder(folder.path().join("objects"))).expect("a store");
        let mailer = Arc::new(mailer);
        let (google, apple) =
            (Arc::new(ScriptedProvider::default()), Arc::new(ScriptedProvider::default().by_post()));
        let oauth = OAuthSetup {
            providers: [
                (SignInProvider::Google, google.clone() as Arc<dyn IdentityProvider>),
                (SignInProvider::Apple, apple),
            ]
            .into(),
            public_url: "https://atelier.example".to_owned(),
            frontend_url: "https://app.example".to_owned(),
        };
        let deps = Deps { mailer: mailer.clone(), objects: objects.clone(), oauth };
        let Assembled { services, foundation, registry } = build(queue, deps);
        Self { services, mailer, objects, google, foundation, registry, folder }
    }

    /// Registers a person.
    pub async fn register(&self, email: &str) -> users::Model {
        let registered =
            self.foundation.identity.register(&Actor::anonymous(), Fixture::registration(email)).await;
        registered.expect("registered").user
    }

    /// Signs a person in.
    pub async fn sign_in(&self, email: &str) -> Actor {
        let identity = &self.foundation.identity;
        let signed_in = identity.login(&Actor::anonymous(), email, "correct horse").await.expect("in");
        self.actor_of(&signed_in.access_token).await
    }

    /// The actor of a token.
    pub async fn actor_of(&self, token: &str) -> Actor {
        let who = self.foundation.identity.authenticate(token).await.expect("authenticated");
        Actor::authenticated(who.into())
    }

    /// Marks the address of an account as verified.
    pub async fn verify_address(&self, user: UserId) {
        let queue = &self.foundation.queue;
        let proven = users::Entity::update_many()
            .col_expr(users::Column::EmailVerifiedAt, Expr::value(queue.now()))
            .filter(users::Column::Id.eq(user));
        proven.exec(queue.db()).await.expect("proven");
    }

    /// Creates a project of that person.
    pub async fn create_project(&self, user: UserId, kind: ProjectKind) -> projects::Model {
        let input = NewProject {
            title: "Reading list".to_owned(),
            description: "Books with authors and ratings".to_owned(),
            kind,
        };
        self.foundation.projects.create(&acting(user), input).await.expect("created")
    }

    /// Gives a job args that this version cannot decode, and makes it a day old.
    pub async fn make_unreadable(&self, id: JobId) {
        let mut row = self.job(id).await.into_active_model();
        row.args = Set(json!({"of": "a later version"}));
        row.created_at = Set(self.foundation.queue.now() - TimeDelta::hours(25));
        row.update(self.foundation.queue.db()).await.expect("written");
    }

    /// Makes the object store unavailable: a file takes the place of its folder.
    pub fn lose_objects(&self) {
        std::fs::rename(self.folder.path().join("objects"), self.folder.path().join("away")).expect("moved");
        std::fs::write(self.folder.path().join("objects"), "in the way").expect("written");
    }

    /// Makes the object store available again.
    pub fn find_objects(&self) {
        std::fs::remove_file(self.folder.path().join("objects")).expect("removed");
        std::fs::rename(self.folder.path().join("away"), self.folder.path().join("objects")).expect("moved");
    }

    /// The job queue.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.foundation.queue
    }

    /// Advances the queue's clock.
    pub fn advance(&self, secs: i64) {
        self.foundation.queue.clock().advance(TimeDelta::seconds(secs));
    }

    /// Runs every due job.
    pub async fn work(&self) {
        work(&self.foundation.queue, &self.registry).await;
    }

    /// Runs the erasures of closed accounts. Jobs in other queues do not run.
    pub async fn finish_erasures(&self) {
        let db = self.foundation.queue.db();
        let left = async || account_erasures::Entity::find().count(db).await.expect("counted") > 0;
        let is_waiting = async || {
            let erasing = jobs::Entity::find().filter(jobs::Column::Kind.eq("account.erase"));
            let due = erasing.filter(jobs::Column::State.is_in([JobState::Available, JobState::Running]));
            due.count(db).await.expect("counted") == 0
        };
        while left().await {
            self.advance(2);
            let worker = (&self.foundation.queue, &self.registry);
            work_on(worker, &[QueueName::Maintenance], async || !left().await || is_waiting().await).await;
        }
    }

    /// Reads a job.
    pub async fn job(&self, id: JobId) -> jobs::Model {
        self.foundation.queue.find_job(id, None).await.expect("asked").expect("there")
    }

    /// Reads a project.
    pub async fn project(&self, project: &projects::Model) -> projects::Model {
        self.foundation.projects.get(&acting(project.user_id), project.id).await.expect("there")
    }

    /// The jobs of a kind, oldest first.
    pub async fn jobs_of_kind(&self, kind: &str) -> Vec<jobs::Model> {
        jobs::Entity::find()
            .filter(jobs::Column::Kind.eq(kind))
            .order_by_asc(jobs::Column::Id)
            .all(self.foundation.queue.db())
            .await
            .expect("listed")
    }

    /// The subjects of the mails that were sent to this address, in order.
    #[must_use]
    pub fn subjects_to(&self, email: &str) -> Vec<String> {
        let mails = self.mailer.mails();
        mails.into_iter().filter(|mail| mail.to == email).map(|mail| mail.subject).collect()
    }

    /// The balance. Asserts that it is the sum of its changes.
    pub async fn credits(&self, user: UserId) -> i64 {
        let rows = credit_transactions::Entity::find()
            .filter(credit_transactions::Column::UserId.eq(user))
            .all(self.foundation.queue.db())
            .await
            .expect("listed");
        let balance = self.foundation.credits.balance(&acting(user)).await.expect("a balance");
        assert_eq!(balance, rows.iter().map(|row| row.amount).sum::<i64>(), "{rows:?}");
        balance
    }
}
