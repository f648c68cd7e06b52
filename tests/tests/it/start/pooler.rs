//! PgBouncer in front of PostgreSQL.

use std::time::Duration;

use atelier_config::{Role, Settings};
use atelier_foundation::database;
use atelier_ops::shutdown::Shutdown;
use atelier_server::instance::Instance;
use atelier_tests::{AppSetup, PgBouncer, TestDatabase};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement, TransactionTrait};

/// A pool large enough for every role of one test.
const SESSION: &str = "pool_mode = session\ndefault_pool_size = 60";

async fn connect(url: &str, statement: Duration) -> Result<DatabaseConnection, DbErr> {
    database::connect(url, 2, Duration::from_secs(10), statement).await
}

async fn value(db: &impl ConnectionTrait, query: &str) -> Result<String, DbErr> {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), query)).await?;
    row.expect("a row").try_get_by_index(0)
}

/// Checks both time limits through a pooler with these settings.
async fn check_time_limits(settings: &str) {
    let (database, pooler) = (TestDatabase::create().await, PgBouncer::start(settings));
    let db = connect(&pooler.url(&database.url), Duration::from_millis(300)).await.expect("connected");

    let slow = value(&db, "SELECT pg_sleep(60)::text").await.expect_err("the statement is ended");
    assert!(slow.to_string().contains("statement timeout"), "{slow}");

    let idle = db.begin().await.expect("begun");
    let pid: i32 = value(&idle, "SELECT pg_backend_pid()::text").await.expect("read").parse().expect("a pid");
    let gone = format!("SELECT count(*)::text FROM pg_stat_activity WHERE pid = {pid}");
    atelier_tests::until("the session that idles in its transaction is ended", async || {
        (value(&database.connection, &gone).await.expect("counted") == "0").then_some(())
    })
    .await;
    assert!(idle.commit().await.is_err(), "nothing is committed");
    assert_eq!(value(&db, "SELECT 'works'").await.expect("another connection"), "works");
}

#[tokio::test]
async fn time_limits_are_in_force_through_a_pooler() {
    check_time_limits(SESSION).await;
}

#[tokio::test]
async fn time_limits_are_in_force_where_a_pooler_drops_parameters() {
    check_time_limits(&format!("{SESSION}\nignore_startup_parameters = options, extra_float_digits")).await;
}

#[tokio::test]
async fn a_pooler_may_keep_prepared_statements() {
    let one_server = "pool_mode = session\ndefault_pool_size = 1\nserver_reset_query =";
    let (database, pooler) = (TestDatabase::create().await, PgBouncer::start(one_server));
    let url = pooler.url(&database.url);
    for _ in 0..2 {
        let wait = Duration::from_secs(10);
        let db = database::connect(&url, 1, wait, wait).await.expect("connected");
        for query in ["SELECT 'one'", "SELECT 'two'"] {
            value(&db, query).await.expect(query);
        }
        db.close().await.expect("closed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_works_through_a_session_pooler() {
    let pooler = PgBouncer::start(SESSION);
    let setup = AppSetup::scaled().await.with(|settings| {
        settings.database.url = pooler.url(&settings.database_url()).into();
    });
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let job = ada.start_generation(&project).await;
    ada.job_once(&job, "succeeded").await;
    app.finish().await;
}

async fn refusal(settings: &Settings) -> String {
    let shutdown = Shutdown::new(settings.server.shutdown_grace());
    let refused = Instance::start(settings.clone(), Role::Scheduler, shutdown).await.expect_err("no start");
    format!("{refused:#}")
}

#[tokio::test]
async fn a_transaction_pooler_is_rejected() {
    for mode in ["pool_mode = transaction", "pool_mode = transaction\nserver_round_robin = 1"] {
        let pooler = PgBouncer::start(mode);
        let setup = AppSetup::scaled().await;
        let mut settings = setup.settings.clone();
        settings.database.url = pooler.url(&settings.database_url()).into();

        let message = refusal(&settings).await;

        assert!(
            message.contains("pool_mode = session") && message.contains(&settings.database_location()),
            "{message}"
        );
    }
}
