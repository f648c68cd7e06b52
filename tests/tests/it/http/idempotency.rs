//! Repeated requests with an `Idempotency-Key`.

mod proxy;

use atelier_config::Role;
use atelier_entities::{Timestamp, idempotency_keys, users};
use atelier_tests::{AppSetup, Client, Person, Reply, TestApp, job_id, until, until_statements_wait};
use futures::future::join_all;
use sea_orm::{
    ConnectionTrait, EntityTrait, PaginatorTrait, QuerySelect, TransactionTrait, sea_query::LockType,
};
use serde_json::{Value, json};

use self::proxy::{LosingProxy, Loss};

async fn generate(person: &Person, project: &str, key: &str, body: &Value) -> Reply {
    let path = format!("/api/projects/{project}/generate");
    person.client.post(&path).header("idempotency-key", key).json(body).send().await
}

pub(super) async fn a_repeated_request_is_executed_and_charged_once(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let (quick, advanced) = (json!({"mode": "quick"}), json!({"mode": "advanced"}));

    let at_once = join_all((0..4).map(|_| generate(&ada, &project, "one", &quick))).await;
    let (done, early): (Vec<_>, Vec<_>) = at_once.into_iter().partition(|reply| reply.status == 202);
    for reply in early {
        let refused = reply.refused(409, "REQUEST_IN_PROGRESS");
        assert_eq!(refused.header("retry-after"), "1");
    }
    let job = job_id(&done[0]);
    assert!(done.iter().all(|reply| job_id(reply) == job), "one job");
    ada.job_once(&job, "succeeded").await;

    let replayed = generate(&ada, &project, "one", &quick).await.expect(202);
    assert_eq!((replayed.json(), job_id(&replayed)), (done[0].json(), job.clone()));
    assert_eq!(replayed.header("idempotency-replayed"), "true");
    let _other_body = generate(&ada, &project, "one", &advanced).await.refused(409, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(ada.balance().await, 8);

    let second = job_id(&generate(&ada, &project, "two", &quick).await.expect(202));
    assert_ne!(second, job);
    ada.job_once(&second, "succeeded").await;
    let eve = app.client().register("eve@example.org").await;
    let _not_hers = generate(&eve, &project, "one", &quick).await.refused(404, "NOT_FOUND");
    assert_eq!((ada.balance().await, app.jobs_of("generation.run").await.len()), (6, 2));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_during_the_first_request_is_rejected() {
    let app = AppSetup::scaled().await.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let body = json!({"mode": "quick"});
    // The first request waits for the lock on the account's balance.
    let lock = app.db().begin().await.expect("begun");
    users::Entity::find().lock(LockType::NoKeyUpdate).all(&lock).await.expect("locked");

    let first = {
        let (ada, project, body) = (ada.clone(), project.clone(), body.clone());
        tokio::spawn(async move { generate(&ada, &project, "one", &body).await })
    };
    until("the first request has its key", async || {
        let keys = idempotency_keys::Entity::find().count(app.db()).await.expect("a database");
        (keys == 1).then_some(())
    })
    .await;
    let _in_flight = generate(&ada, &project, "one", &body).await.refused(409, "REQUEST_IN_PROGRESS");
    lock.rollback().await.expect("unlocked");
    let first = first.await.expect("an answer").expect(202);

    let job = job_id(&first);
    assert_eq!(job_id(&generate(&ada, &project, "one", &body).await.expect(202)), job);
    ada.job_once(&job, "succeeded").await;
    assert_eq!(ada.balance().await, 8);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_request_releases_its_key() {
    let app = AppSetup::embedded().start().await;
    let ada = app.client().register("ada@example.org").await;
    let create = async |body: Value| {
        ada.client.post("/api/projects").header("idempotency-key", "one").json(&body).send().await
    };

    let _refused = create(json!({"title": ""})).await.refused(422, "VALIDATION_FAILED");
    let first = create(json!({"title": "Reading list"})).await.expect(201);
    let again = create(json!({"title": "Reading list"})).await.expect(201);

    assert_eq!(again.json(), first.json());
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(ada.get("/api/projects").await.as_array().map(Vec::len), Some(1));
    for key in [" ", &"k".repeat(256)] {
        let call = ada.client.post("/api/projects").header("idempotency-key", key);
        let refused = call.json(&json!({"title": "x"})).send().await.refused(422, "VALIDATION_FAILED");
        assert!(refused.json()["details"]["Idempotency-Key"].is_string());
    }
    app.finish().await;
}

/// An installation with another API behind a lossy proxy to the database.
struct LossySetup {
    app: TestApp,
    proxy: LosingProxy,
    ada: Person,
    /// A client of the API behind the proxy.
    lossy: Client,
}

impl LossySetup {
    async fn start() -> Self {
        let mut app = AppSetup::scaled().await.start().await;
        let ada = app.client().register("ada@example.org").await;
        let direct = app.settings.database_url();
        let proxy = LosingProxy::start(&direct).await;
        app.settings.database.url = proxy.url(&direct).into();
        app.settings.server.request_timeout_secs = 5;
        let lossy = app.start(Role::Api).await.signed_in(&ada.access_token);
        Self { app, proxy, ada, lossy }
    }

    /// Sends the request that creates the project.
    async fn create(&self, client: &Client) -> Reply {
        let call = client.post("/api/projects").header("idempotency-key", "one");
        call.json(&json!({"title": "Reading list"})).send().await
    }

    /// Advances the clock until a repeat takes over the key.
    async fn pass_time(&self) {
        let sql = "UPDATE idempotency_keys SET created_at = created_at - interval '10 minutes'";
        self.app.db().execute_unprepared(sql).await.expect("a database");
    }

    /// Checks that the repeat succeeded, and that there is one project.
    async fn check_done_once(self, repeat: Reply) {
        let id = repeat.expect(201).json()["project"]["id"].clone();
        let projects = self.ada.get("/api/projects").await;
        let listed: Vec<_> = projects.as_array().expect("a list").iter().map(|one| &one["id"]).collect();
        assert_eq!(listed, [&id]);
        self.app.finish().await;
    }
}

const INSERT: &str = "INSERT INTO \"projects\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_with_a_lost_confirmation_is_detected() {
    let lossy = LossySetup::start().await;
    lossy.proxy.lose(Loss::Confirmation, INSERT);

    let first = lossy.create(&lossy.lossy).await.expect(201);
    let again = lossy.create(&lossy.ada.client).await;

    assert_eq!((again.json(), again.header("idempotency-replayed")), (first.json(), "true"));
    lossy.check_done_once(again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_commit_releases_the_key() {
    let lossy = LossySetup::start().await;
    lossy.proxy.lose(Loss::Commit, INSERT);

    let first = lossy.create(&lossy.lossy).await;
    let again = lossy.create(&lossy.ada.client).await;

    assert_eq!(first.status, 503);
    assert_eq!(again.header("idempotency-replayed"), "");
    lossy.check_done_once(again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_over_a_silent_connection_is_detected() {
    let lossy = LossySetup::start().await;
    lossy.proxy.lose(Loss::SilentConfirmation, INSERT);

    let first = lossy.create(&lossy.lossy).await;
    let again = until("the repeat is answered", async || {
        let again = lossy.create(&lossy.ada.client).await;
        (again.status != 409).then_some(again)
    })
    .await;

    let _late = first.refused(503, "TIMED_OUT");
    lossy.check_done_once(again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_after_its_commit_has_stored_the_response() {
    let lossy = LossySetup::start().await;
    lossy.proxy.lose(Loss::Everything, INSERT);

    let _told_to_nobody = lossy.create(&lossy.lossy).await;
    lossy.pass_time().await;
    let again = lossy.create(&lossy.ada.client).await;

    lossy.proxy.revive();
    assert_eq!(again.header("idempotency-replayed"), "true");
    lossy.check_done_once(again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_key_was_taken_over_rolls_back() {
    let app = AppSetup::scaled().await.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let body = json!({"mode": "quick"});
    let lock = app.db().begin().await.expect("begun");
    users::Entity::find().lock(LockType::NoKeyUpdate).all(&lock).await.expect("locked");
    let start = || {
        let (ada, project, body) = (ada.clone(), project.clone(), body.clone());
        tokio::spawn(async move { generate(&ada, &project, "one", &body).await })
    };
    let claimed = async |after: Option<Timestamp>| {
        until("the key is claimed", async || {
            let row = idempotency_keys::Entity::find().one(app.db()).await.expect("a database")?;
            after.is_none_or(|after| row.created_at > after).then_some(row.created_at)
        })
        .await
    };

    let slow = start();
    claimed(None).await;
    // Its job has been enqueued by then: the other request waits for it.
    until_statements_wait(app.db(), 1).await;
    let sql = "UPDATE idempotency_keys SET created_at = created_at - interval '10 minutes'";
    app.db().execute_unprepared(sql).await.expect("a database");
    let aged = claimed(None).await;
    let other = start();
    claimed(Some(aged)).await;
    lock.rollback().await.expect("unlocked");

    let _undone = slow.await.expect("an answer").refused(409, "REQUEST_IN_PROGRESS");
    let done = other.await.expect("an answer").expect(202);
    let job = job_id(&done);
    ada.job_once(&job, "succeeded").await;
    let replayed = generate(&ada, &project, "one", &body).await.expect(202);
    assert_eq!(job_id(&replayed), job);
    assert_eq!((ada.balance().await, app.jobs_of("generation.run").await.len()), (8, 1));
    app.finish().await;
}
