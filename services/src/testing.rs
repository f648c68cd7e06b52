//! A whole platform in a folder of its own: SQLite, the in-process transport, a
//! scripted model and mailer, and a worker that runs when a test says so.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use atelier_entities::{
    GenerationMode, JobId, JobState, ProjectId, ProjectKind, SignInProvider, UserId, credit_transactions,
    jobs, project_versions, projects, users,
};
use atelier_providers::{
    llm::fake::{ScriptedAnswer, ScriptedModel},
    mail::{Delivery, MailError, fake::ScriptedMailer},
    oauth::{IdentityProvider, fake::ScriptedProvider},
    object_store::{ObjectStoreOptions, Objects},
};
use atelier_queue::{
    Handler, JobContext, JobError, Outcome, Queue, QueueName, QueueOptions, Registry,
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
    AuthOptions, Caller, CreditOptions, Deps, GenerationOptions, MailOptions, RetentionOptions,
    ServiceOptions, Services,
    audit::{ArchiveAudit, EraseArchived},
    database,
    deployments::PublishDeployment,
    effects,
    generation::{GenerationInput, RunGeneration, parse::GeneratedFile, store_for_tests},
    identity::{Authenticated, OAuthSetup, Registration},
    mail::DeliverMail,
    maintenance::{RemoveObjects, SteerJobs},
    projects::NewProject,
};

/// An answer that is an application.
pub(crate) const GOOD_ANSWER: &str = "A small reading list.\n\n\
    ```html path=index.html\n<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <title>Books</title>\n<link rel=\"stylesheet\" href=\"styles.css\">\n</head>\n\
    <body>\n<h1>Books</h1>\n</body>\n</html>\n```\n\n\
    ```css path=styles.css\nh1 { color: teal; }\n```\n";

/// An answer whose style sheet is broken.
pub(crate) const BAD_ANSWER: &str = "Here.\n\n```html path=index.html\n<!doctype html>\n<html lang=\"en\">\n\
    <head><title>Books</title></head>\n<body><h1>Books</h1></body>\n</html>\n```\n\n\
    ```json path=data.json\n{\"a\": \n```\n";

/// Longest a test waits for a worker.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Bench {
    pub(crate) services: Services,
    pub(crate) model: Arc<ScriptedModel>,
    pub(crate) mailer: Arc<ScriptedMailer>,
    pub(crate) objects: Objects,
    pub(crate) google: Arc<ScriptedProvider>,
    folder: TempDir,
}

pub(crate) fn options() -> ServiceOptions {
    let days = |days: u64| Duration::from_secs(days * 24 * 3600);
    ServiceOptions {
        auth: AuthOptions {
            jwt_secret: SecretString::from("0123456789abcdef0123456789abcdef"),
            access_token: Duration::from_secs(30 * 60),
            refresh_token: days(7),
            refresh_grace: Duration::from_secs(10),
            longest_sign_in: days(90),
            hash_concurrency: 2,
            require_verified_email: false,
            hide_registered_emails: false,
            issuer: "https://atelier.example".to_owned(),
            admin_email: None,
        },
        credits: CreditOptions { signup_grant: 10, quick_price: 2, advanced_price: 4 },
        generation: GenerationOptions {
            max_repairs: 1,
            longest_answer: Duration::from_secs(300),
            max_files: 50,
            max_file_bytes: 100_000,
            max_total_bytes: 1_000_000,
            max_versions: 100,
        },
        max_projects: 100,
        mail: MailOptions {
            from: "Atelier <no-reply@example.org>".to_owned(),
            reply_to: None,
            public_url: "https://atelier.example".to_owned(),
        },
        public_url: "https://atelier.example".to_owned(),
        retention: RetentionOptions {
            jobs: RetentionRules { succeeded: days(7), failed: days(30), cancelled: days(7), batch: 100 },
            idempotency: days(1),
            audit: None,
            audit_archives: None,
        },
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with_script([]).await
    }

    pub(crate) async fn with_script(script: impl IntoIterator<Item = ScriptedAnswer>) -> Self {
        Self::with(ScriptedModel::new(script), ScriptedMailer::new([]), options()).await
    }

    pub(crate) async fn with_mailer(script: impl IntoIterator<Item = Result<Delivery, MailError>>) -> Self {
        Self::with(ScriptedModel::new([]), ScriptedMailer::new(script), options()).await
    }

    pub(crate) async fn with_options(options: ServiceOptions) -> Self {
        Self::with(ScriptedModel::new([]), ScriptedMailer::new([]), options).await
    }

    pub(crate) async fn with(model: ScriptedModel, mailer: ScriptedMailer, options: ServiceOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
        let wait = Duration::from_secs(5);
        let db = database::connect(&url, 8, wait, wait).await.expect("connected");
        database::migrate(&db).await.expect("migrated");
        let effects = effects(&options).expect("effects");
        let transport = Arc::new(InProcess::default());
        let queue =
            Queue::new(db, transport, Arc::new(LocalBus::default()), effects, QueueOptions::default());
        let objects =
            Objects::open(&ObjectStoreOptions::Folder(folder.path().join("objects"))).expect("a store");
        let (model, mailer) = (Arc::new(model), Arc::new(mailer));
        let (google, apple) =
            (Arc::new(ScriptedProvider::default()), Arc::new(ScriptedProvider::default().by_post()));
        let deps = Deps {
            model: model.clone(),
            mailer: mailer.clone(),
            objects: objects.clone(),
            oauth: OAuthSetup {
                providers: [
                    (SignInProvider::Google, google.clone() as Arc<dyn IdentityProvider>),
                    (SignInProvider::Apple, apple),
                ]
                .into(),
                public_url: "https://atelier.example".to_owned(),
                frontend_url: "https://app.example".to_owned(),
            },
        };
        Self { services: Services::new(queue, deps, options), model, mailer, objects, google, folder }
    }

    pub(crate) fn registration(email: &str) -> Registration {
        Registration {
            email: email.to_owned(),
            password: "correct horse".to_owned(),
            full_name: "Ada Lovelace".to_owned(),
            locale: None,
            time_zone: None,
            country: Some("gb".to_owned()),
        }
    }

    pub(crate) async fn register(&self, email: &str) -> users::Model {
        let registered = self.services.identity.register(&Caller::default(), Self::registration(email)).await;
        registered.expect("registered").user
    }

    /// Signs in; somebody who is here themselves.
    pub(crate) async fn sign_in(&self, email: &str) -> Authenticated {
        let identity = &self.services.identity;
        let signed_in = identity.login(&Caller::default(), email, "correct horse").await.expect("in");
        identity.authenticate(&signed_in.access_token).await.expect("authenticated")
    }

    /// Has the address of an account proven, as its mailed link would.
    pub(crate) async fn prove(&self, user: UserId) {
        let queue = &self.services.queue;
        let proven = users::Entity::update_many()
            .col_expr(users::Column::EmailVerifiedAt, Expr::value(queue.now()))
            .filter(users::Column::Id.eq(user));
        proven.exec(queue.db()).await.expect("proven");
    }

    pub(crate) async fn create_project(&self, user: UserId, kind: ProjectKind) -> projects::Model {
        let input = NewProject {
            title: "Reading list".to_owned(),
            description: "Books with authors and ratings".to_owned(),
            kind,
        };
        self.services.projects.create(&Caller::default(), user, input).await.expect("created")
    }

    pub(crate) async fn generate(
        &self,
        user: UserId,
        project: ProjectId,
        prompt: Option<&str>,
    ) -> jobs::Model {
        let input = GenerationInput { mode: GenerationMode::Quick, prompt: prompt.map(str::to_owned) };
        self.services.generation.start(&Caller::default(), user, project, input).await.expect("started")
    }

    /// Stores a version of no job of the queue.
    pub(crate) async fn store_version(
        &self,
        project: &projects::Model,
        number: i32,
        files: &[(&str, &str)],
    ) -> project_versions::Model {
        let files = files.iter().map(|(path, content)| GeneratedFile::new(path, content)).collect();
        let version = store_for_tests(&self.services.queue, project.id, JobId::new(), files).await;
        assert_eq!(version.number, number);
        version
    }

    /// Stores the version of a job whose worker died then.
    pub(crate) async fn store_version_of(&self, job: &jobs::Model, project: ProjectId) {
        let files = vec![GeneratedFile::new("index.html", "<p>saved before</p>")];
        store_for_tests(&self.services.queue, project, job.id, files).await;
    }

    /// Gives a job args that no version known here reads, and has it wait for a day.
    pub(crate) async fn make_unreadable(&self, id: JobId) {
        let mut row = self.job(id).await.into_active_model();
        row.args = Set(json!({"of": "a later version"}));
        row.created_at = Set(self.services.queue.now() - TimeDelta::hours(25));
        row.update(self.services.queue.db()).await.expect("written");
    }

    /// Takes the object store away: a file stands in its place.
    pub(crate) fn lose_objects(&self) {
        std::fs::rename(self.folder.path().join("objects"), self.folder.path().join("away")).expect("moved");
        std::fs::write(self.folder.path().join("objects"), "in the way").expect("written");
    }

    /// Brings it back.
    pub(crate) fn find_objects(&self) {
        std::fs::remove_file(self.folder.path().join("objects")).expect("removed");
        std::fs::rename(self.folder.path().join("away"), self.folder.path().join("objects")).expect("moved");
    }

    /// Moves the platform's clock.
    pub(crate) fn advance(&self, secs: i64) {
        self.services.queue.clock().advance(TimeDelta::seconds(secs));
    }

    /// Makes due what waits for its time, and runs everything that is due.
    pub(crate) async fn work(&self) {
        relay::tick(&self.services.queue).await.expect("relayed");
        let mut news = self.services.queue.bus().subscribe();
        let stop = CancellationToken::new();
        let options = WorkerOptions {
            concurrency: QueueName::ALL.into_iter().map(|queue| (queue, 2)).collect(),
            grace: Duration::from_secs(5),
            host: "test".to_owned(),
            version: "test".to_owned(),
            ..WorkerOptions::default()
        };
        let running = worker::run(self.services.queue.clone(), self.registry(), options, stop.clone());
        let worker = tokio::spawn(running);
        let idle = async {
            while self.count_due().await > 0 {
                news.recv().await.expect("the bus stays open");
            }
        };
        tokio::time::timeout(PATIENCE, idle).await.expect("the worker gets idle");
        stop.cancel();
        worker.await.expect("no panic").expect("a clean stop");
    }

    async fn count_due(&self) -> u64 {
        jobs::Entity::find()
            .filter(jobs::Column::State.is_in([JobState::Available, JobState::Running]))
            .count(self.services.queue.db())
            .await
            .expect("counted")
    }

    fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        let services = || Runner(self.services.clone());
        registry.register::<RunGeneration>(services()).expect("once");
        registry.register::<PublishDeployment>(services()).expect("once");
        registry.register::<DeliverMail>(services()).expect("once");
        registry.register::<RemoveObjects>(services()).expect("once");
        registry.register::<SteerJobs>(services()).expect("once");
        registry.register::<ArchiveAudit>(services()).expect("once");
        registry.register::<EraseArchived>(services()).expect("once");
        registry
    }

    pub(crate) async fn job(&self, id: JobId) -> jobs::Model {
        self.services.queue.find_job(id, None).await.expect("asked").expect("there")
    }

    pub(crate) async fn project(&self, project: &projects::Model) -> projects::Model {
        self.services.projects.get(project.user_id, project.id).await.expect("there")
    }

    pub(crate) async fn jobs_of_kind(&self, kind: &str) -> Vec<jobs::Model> {
        jobs::Entity::find()
            .filter(jobs::Column::Kind.eq(kind))
            .order_by_asc(jobs::Column::Id)
            .all(self.services.queue.db())
            .await
            .expect("listed")
    }

    /// Templates of the mails that were handed over to that person, in order.
    pub(crate) fn subjects_to(&self, email: &str) -> Vec<String> {
        let mails = self.mailer.mails();
        mails.into_iter().filter(|mail| mail.to == email).map(|mail| mail.subject).collect()
    }

    /// The balance, checked against the sum of its changes.
    pub(crate) async fn credits(&self, user: UserId) -> i64 {
        let rows = credit_transactions::Entity::find()
            .filter(credit_transactions::Column::UserId.eq(user))
            .all(self.services.queue.db())
            .await
            .expect("listed");
        let balance = self.services.credits.balance(user).await.expect("a balance");
        assert_eq!(balance, rows.iter().map(|row| row.amount).sum::<i64>(), "{rows:?}");
        balance
    }
}

/// Runs every kind by its service.
struct Runner(Services);

macro_rules! runs {
    ($($job:ty => $domain:ident.$method:ident),+ $(,)?) => {$(
        #[async_trait]
        impl Handler<$job> for Runner {
            async fn run(&self, ctx: &JobContext, args: $job) -> Result<Outcome, JobError> {
                self.0.$domain.$method(ctx, args).await
            }
        }
    )+};
}

runs! {
    RunGeneration => generation.run,
    PublishDeployment => deployments.publish,
    DeliverMail => mail.deliver,
    RemoveObjects => maintenance.remove_objects,
    SteerJobs => maintenance.steer_jobs,
    ArchiveAudit => audit.archive,
    EraseArchived => audit.erase_archived,
}
