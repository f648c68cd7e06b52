//! A database user who may read and write rows but change no table.

use atelier_config::{Role, Settings};
use atelier_ops::shutdown::Shutdown;
use atelier_server::{instance::Instance, wire};
use atelier_tests::{AppSetup, TestDatabase};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use url::Url;
use uuid::Uuid;

/// The user, and a connection of the database's owner.
struct RestrictedUser {
    name: String,
    direct: Url,
    owner: DatabaseConnection,
}

impl RestrictedUser {
    /// Creates a user for the database of these settings, and changes the settings to it.
    async fn create(settings: &mut Settings) -> Self {
        let direct = Url::parse(&settings.database_url()).expect("a URL");
        let owner = Database::connect(direct.as_str()).await.expect("connected");
        let name = format!("atelier_test_{}", Uuid::new_v4().simple());
        let user = Self { name, direct, owner };
        let name = &user.name;
        user.run(&format!("CREATE ROLE {name} LOGIN PASSWORD 'secret'")).await;
        user.run(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}"))
            .await;
        user.run(&format!("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {name}")).await;
        let mut url = user.direct.clone();
        url.set_username(name).expect("a user");
        url.set_password(Some("secret")).expect("a password");
        settings.database.url = url.to_string().into();
        user
    }

    async fn run(&self, sql: &str) {
        self.owner.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Drops the user. The database with its grants must be dropped first.
    async fn remove(mut self) {
        self.owner.close_by_ref().await.expect("closed");
        self.direct.set_path("postgres");
        let server = Database::connect(self.direct.as_str()).await.expect("connected");
        server.execute_unprepared(&format!("DROP ROLE {}", self.name)).await.expect("dropped");
        server.close().await.expect("closed");
    }
}

async fn refusal(settings: &Settings) -> String {
    let shutdown = Shutdown::new(settings.server.shutdown_grace());
    let refused = Instance::start(settings.clone(), Role::Worker, shutdown).await.expect_err("no start");
    format!("{refused:#}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_pending_migrations_needs_no_right_to_create() {
    let mut setup = AppSetup::scaled().await;
    let user = RestrictedUser::create(&mut setup.settings).await;
    let app = setup.start().await;

    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let job = ada.start_generation(&project).await;
    ada.job_once(&job, "succeeded").await;

    app.finish().await;
    user.remove().await;
}

#[tokio::test]
async fn a_start_without_the_right_to_migrate_names_the_command() {
    let mut setup = AppSetup::scaled().await;
    let user = RestrictedUser::create(&mut setup.settings).await;
    user.run("DELETE FROM seaql_migrations WHERE version = (SELECT max(version) FROM seaql_migrations)")
        .await;

    let message = refusal(&setup.settings).await;

    let location = setup.settings.database_location();
    assert!(message.starts_with(&format!("the database at {location} lacks the migration m0")), "{message}");
    assert!(message.contains("permission denied") && message.contains("run `atelier migrate`"), "{message}");
    drop(setup);
    user.remove().await;
}

#[tokio::test]
async fn an_empty_database_is_migrated_only_with_the_right_to_create() {
    let database = TestDatabase::create().await;
    for sql in
        ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "GRANT USAGE ON SCHEMA public TO PUBLIC"]
    {
        database.connection.execute_unprepared(sql).await.expect(sql);
    }
    let mut owner = Settings::for_tests();
    owner.database.url = database.url.clone().into();
    let mut settings = AppSetup::scaled().await.settings.clone();
    settings.database.url = database.url.clone().into();
    let user = RestrictedUser::create(&mut settings).await;

    let message = refusal(&settings).await;
    assert!(
        message.contains("m0001_accounts to m") && message.contains("run `atelier migrate`"),
        "{message}"
    );

    let db = wire::connect(&owner).await.expect("connected");
    wire::migrate(&owner, &db).await.expect("migrated");
    wire::migrate(&owner, &db).await.expect("a second time changes nothing");
    db.close().await.expect("closed");
    drop(database);
    user.remove().await;
}
