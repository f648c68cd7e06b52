//! Requests that are sent again.

use atelier_entities::{idempotency_keys, users};
use atelier_tests::{AppSetup, Person, Reply, job_id, until};
use futures::future::join_all;
use sea_orm::{EntityTrait, PaginatorTrait, QuerySelect, TransactionTrait, sea_query::LockType};
use serde_json::{Value, json};

async fn generate(person: &Person, project: &str, key: &str, body: &Value) -> Reply {
    let path = format!("/api/projects/{project}/generate");
    person.client.post(&path).header("idempotency-key", key).json(body).send().await
}

pub(super) async fn a_repeated_request_is_done_and_charged_once(setup: AppSetup) {
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
async fn a_repeat_comes_while_the_first_request_is_answered() {
    let app = AppSetup::scaled().await.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let body = json!({"mode": "quick"});
    // The first request waits for the account's balance, which somebody else has locked.
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
async fn a_refused_request_leaves_its_key_free() {
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
