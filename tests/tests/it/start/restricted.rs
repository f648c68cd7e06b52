//! A database user who may read and write rows, and change no table.

use atelier_config::{Role, Settings};
use atelier_ops::shutdown::Shutdown;
use atelier_server::{instance::Instance, wire};
use atelier_tests::{AppSetup, TestDatabase};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use url::Url;
use uuid::Uuid;

/// The user, and a connection that may do anything in its database.
struct Restricted {
    name: String,
    direct: Url,
    owner: DatabaseConnection,
}

impl Restricted {
    /// Makes one for the database of these settings, and puts them to it.
    async fn enter(settings: &mut Settings) -> Self {
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

    /// Drops the user, once its database is gone and with it all that was granted.
    async fn leave(mut self) {
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
async fn a_start_needs_no_right_to_create_where_nothing_is_to_migrate() {
    let mut setup = AppSetup::scaled().await;
    let user = Restricted::enter(&mut setup.settings).await;
    let app = setup.start().await;

    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let job = ada.start_generation(&project).await;
    ada.job_once(&job, "succeeded").await;

    app.finish().await;
    user.leave().await;
}

#[tokio::test]
async fn a_start_that_may_not_migrate_says_what_does() {
    let mut setup = AppSetup::scaled().await;
    let user = Restricted::enter(&mut setup.settings).await;
    user.run("DELETE FROM seaql_migrations WHERE version = (SELECT max(version) FROM seaql_migrations)")
        .await;

    let told = refusal(&setup.settings).await;

    let place = setup.settings.database_location();
    assert!(told.starts_with(&format!("the database at {place} lacks the migration m0")), "{told}");
    assert!(told.contains("permission denied") && told.contains("run `atelier migrate`"), "{told}");
    drop(setup);
    user.leave().await;
}

#[tokio::test]
async fn an_empty_database_is_made_by_who_may_and_named_by_who_may_not() {
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
    let user = Restricted::enter(&mut settings).await;

    let told = refusal(&settings).await;
    assert!(told.contains("m0001_accounts to m") && told.contains("run `atelier migrate`"), "{told}");

    let db = wire::connect(&owner).await.expect("connected");
    wire::migrate(&owner, &db).await.expect("migrated");
    wire::migrate(&owner, &db).await.expect("a second time changes nothing");
    db.close().await.expect("closed");
    drop(database);
    user.leave().await;
}
