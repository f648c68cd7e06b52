//! Requests whose transaction the database rolls back.

use std::collections::BTreeSet;

use atelier_tests::{AppSetup, Person, Reply};
use futures::future::join_all;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use serde_json::json;

async fn run(db: &DatabaseConnection, statements: &[&str]) {
    for statement in statements {
        db.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

async fn create(person: &Person, title: &str, key: Option<&str>) -> Reply {
    let body = json!({"title": title, "description": "Books with authors, ratings and a search box"});
    let call = person.client.post("/api/projects").json(&body);
    match key {
        Some(key) => call.header("idempotency-key", key).send().await,
        None => call.send().await,
    }
}

/// The titles of the projects that another process sees.
async fn titles(url: &str) -> Vec<String> {
    let other = Database::connect(url).await.expect("connected");
    let query =
        Statement::from_string(other.get_database_backend(), "SELECT title FROM projects ORDER BY title");
    let rows = other.query_all_raw(query).await.expect("read");
    other.close().await.expect("closed");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a title")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_sqlite_rolled_back_is_never_acknowledged() {
    let app = AppSetup::embedded().start().await;
    let ada = app.client().register("ada@example.org").await;
    // SQLite rolls back the whole transaction by itself, as with a full disk.
    let undo = "CREATE TRIGGER undo BEFORE INSERT ON audit_log \
        WHEN NEW.action = 'project.create' AND EXISTS (SELECT 1 FROM projects WHERE title LIKE 'undone%') \
        BEGIN SELECT RAISE(ROLLBACK, 'undone'); END";
    run(app.db(), &[undo]).await;
    let rounds: Vec<usize> = (0..24).collect();

    let answers = join_all(rounds.iter().map(|round| {
        let ada = ada.clone();
        async move {
            let title = format!("{} {round:02}", if round % 3 == 0 { "undone" } else { "done" });
            let key = format!("key {round}");
            let reply = create(&ada, &title, (round % 2 == 0).then_some(key.as_str())).await;
            (title, reply.status)
        }
    }))
    .await;

    let (done, undone): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, status)| *status == 201);
    assert!(undone.iter().all(|(title, status)| title.starts_with("undone") && *status == 500), "{undone:?}");
    assert_eq!(undone.len(), 8);
    let done: BTreeSet<String> = done.into_iter().map(|(title, _)| title).collect();
    let there = titles(&app.settings.database_url()).await;
    assert_eq!(there, done.into_iter().collect::<Vec<_>>());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_lost_a_conflict_is_repeated() {
    let app = AppSetup::scaled().await.start().await;
    let ada = app.client().register("ada@example.org").await;
    for (code, key) in [("40001", None), ("40P01", Some("one"))] {
        // A rollback does not reset a sequence, so this happens twice.
        let raise = format!(
            "CREATE OR REPLACE FUNCTION lose() RETURNS trigger AS $$ BEGIN \
             IF nextval('losses') < 3 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '{code}'; END IF; \
             RETURN NEW; END $$ LANGUAGE plpgsql"
        );
        let arm = "CREATE TRIGGER lose BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION lose()";
        run(app.db(), &["CREATE SEQUENCE losses", &raise, arm]).await;

        let _created = create(&ada, code, key).await.expect(201);

        run(app.db(), &["DROP TRIGGER lose ON projects", "DROP SEQUENCE losses"]).await;
    }
    assert_eq!(titles(&app.settings.database_url()).await, ["40001", "40P01"]);
    let recorded = "SELECT count(*) FROM audit_log WHERE action = 'project.create'";
    let query = Statement::from_string(app.db().get_database_backend(), recorded);
    let row = app.db().query_one_raw(query).await.expect("asked").expect("a row");
    assert_eq!(row.try_get_by_index::<i64>(0).expect("a number"), 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_generations_start_with_any_default_isolation() {
    let setup = AppSetup::scaled().await;
    let url = setup.settings.database_url();
    let admin = Database::connect(&url).await.expect("connected");
    let prefer = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = \
        ''serializable''', current_database()); END $$";
    run(&admin, &[prefer]).await;
    admin.close().await.expect("closed");
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let projects = join_all((0..5).map(|_| ada.create_project("Reading list"))).await;

    let replies = join_all(projects.iter().map(|project| ada.generate(project))).await;

    for reply in replies {
        ada.job_once(&atelier_tests::job_id(&reply.expect(202)), "succeeded").await;
    }
    assert_eq!(ada.balance().await, 0);
    app.finish().await;
}
