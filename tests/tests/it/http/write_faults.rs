//! A database or Redis that answers but accepts no writes is reported, and work resumes by
//! itself afterwards.

use atelier_services::admin::Status;
use atelier_tests::{AppSetup, Client, PrivateRedis, TestApp, until};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use serde_json::{Value, json};

/// Waits until the readiness of an API meets a condition.
async fn ready_once(client: &Client, what: &str, is: impl Fn(u16, &Value) -> bool) {
    until(what, async || {
        let answer = client.get("/readyz").send().await;
        is(answer.status, &answer.json()).then_some(())
    })
    .await;
}

async fn ready_again(client: &Client) {
    ready_once(client, "it is ready again", |status, _| status == 200).await;
}

async fn unready(client: &Client, part: &str, code: &str) {
    ready_once(client, &format!("{part} is {code}"), |status, body| {
        status == 503 && body["checks"][part] == "failed" && body["faults"][part]["code"] == code
    })
    .await;
}

/// Ways to make a Redis reject writes, with the reported code and the way to repair it.
const WAYS: [(&str, &str, &str); 3] = [
    ("REPLICAOF 127.0.0.1 1", "READ_ONLY", "REPLICAOF NO ONE"),
    ("CONFIG SET maxmemory 1", "FULL", "CONFIG SET maxmemory 0"),
    ("ACL SETUSER default resetkeys ~other:*", "FORBIDDEN", "ACL SETUSER default allkeys"),
];

async fn tell(redis: &PrivateRedis, line: &str) {
    let mut words = line.split(' ');
    let mut command = redis::cmd(words.next().expect("a command"));
    let words: Vec<&str> = words.collect();
    command.arg(words).exec_async(&mut redis.server.connect().await).await.expect(line);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_without_writes_is_reported_and_jobs_resume_afterwards() {
    let redis = PrivateRedis::start();
    let url = redis.server.url.clone();
    let app = AppSetup::scaled().await.with(|settings| settings.redis.url = url.into()).start().await;
    let client = app.client();
    let ada = client.register("ada@example.org").await;
    ready_again(&client).await;
    for (way, code, mend) in WAYS {
        let project = ada.create_project(way).await;
        tell(&redis, way).await;

        let mut job = ada.start_generation(&project).await;
        unready(&client, "redis", code).await;
        let why = loop {
            let why = until("its why reports it, or it was run", async || {
                let row = ada.job(&job).await;
                let is_reported = row["why"]["code"] == "TRANSPORT_AWAY";
                (is_reported || row["status"] == "succeeded").then(|| row["why"].clone())
            });
            let why = why.await;
            if !why.is_null() {
                break why;
            }
            // A worker whose connection was closed claims once without Redis.
            job = ada.start_generation(&project).await;
        };
        assert_eq!(why["details"], json!({"transport": "redis", "fault": code}));
        let transport = app.platform().services.admin.health().await.transport;
        assert_eq!((transport.status, transport.code), (Status::Down, Some(code)));
        let summary = client.get("/api/health").send().await.expect(200).json();
        assert_eq!((&summary["status"], &summary["jobs"]), (&json!("degraded"), &json!("delayed")));
        let _alive = client.get("/healthz").send().await.expect(200);
        until("the relay counts what it cannot push", async || {
            let counted = format!("atelier_relay_push_failed_total{{queue=\"generation\",cause=\"{code}\"}}");
            client.get("/metrics").send().await.text().contains(&counted).then_some(())
        })
        .await;

        tell(&redis, mend).await;
        ada.job_once(&job, "succeeded").await;
    }
    ready_again(&client).await;
    app.finish().await;
}

/// A separate session that accepts writes whatever other sessions do.
async fn session(app: &TestApp) -> DatabaseConnection {
    let mut options = ConnectOptions::new(app.settings.database_url());
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.expect("a session")
}

/// Closes all other sessions, so that new ones begin with this default.
async fn set_read_only(session: &DatabaseConnection, value: &str) {
    let set = format!(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {value}', \
         current_database()); END $$"
    );
    session.execute_unprepared("SET default_transaction_read_only = off").await.expect("set");
    session.execute_unprepared(&set).await.expect("set");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    session.execute_unprepared(end).await.expect("ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_postgresql_is_reported_and_work_resumes_afterwards() {
    let app = AppSetup::scaled().await.start().await;
    let client = app.client();
    let ada = client.register("ada@example.org").await;
    let session = session(&app).await;
    ready_again(&client).await;

    set_read_only(&session, "on").await;

    unready(&client, "database", "READ_ONLY").await;
    let database = app.platform().services.admin.health().await.database;
    assert_eq!((database.status, database.code), (Status::Down, Some("READ_ONLY")));
    assert!(database.facts.is_some(), "it answers to reads");
    let summary = client.get("/api/health").send().await.expect(503).json();
    assert_eq!(summary["database"], "unavailable");
    let _alive = client.get("/healthz").send().await.expect(200);

    set_read_only(&session, "off").await;
    ready_again(&client).await;
    let project = ada.create_project("Reading list").await;
    ada.job_once(&ada.start_generation(&project).await, "succeeded").await;
    app.finish().await;
}

/// Makes a database reject only statements that need new space.
const NO_ROOM: &str = "CREATE FUNCTION no_room() RETURNS trigger AS $$ BEGIN \
    RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$ LANGUAGE plpgsql; \
    CREATE TRIGGER no_room BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION no_room(); \
    CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON write_probes FOR EACH ROW \
    WHEN (NEW.filler IS NOT NULL) EXECUTE FUNCTION no_room()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_postgresql_is_reported_until_it_has_space() {
    let app = AppSetup::scaled().await.start().await;
    let client = app.client();
    let ada = client.register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let session = session(&app).await;
    session.execute_unprepared(NO_ROOM).await.expect("triggers");
    ready_again(&client).await;

    let path = format!("/api/projects/{project}/generate");
    let _refused = ada.client.post(&path).send().await.refused(503, "UNAVAILABLE");

    unready(&client, "database", "FULL").await;
    session.execute_unprepared("DROP FUNCTION no_room CASCADE").await.expect("dropped");
    ready_again(&client).await;
    ada.job_once(&ada.start_generation(&project).await, "succeeded").await;
    app.finish().await;
}
