//! Probes, metrics and operations of each process.

use atelier_config::Role;
use atelier_entities::users;
use atelier_tests::{AppSetup, Completion, FakeOpenAi, until};
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_serves_probes_and_metrics() {
    let setup = AppSetup::scaled().await.without(Role::Worker).without(Role::Scheduler);
    let mut app = setup.start().await;
    for client in [app.client(), app.start(Role::Worker).await, app.start(Role::Scheduler).await] {
        let _alive = client.get("/healthz").send().await.expect(200);
        let ready = client.get("/readyz").send().await.expect(200).text();
        for part in ["database", "migrations", "redis"] {
            assert!(ready.contains(part), "{ready}");
        }
        let scrape = client.get("/metrics").send().await.expect(200);
        assert!(scrape.header("content-type").starts_with("text/plain"), "{:?}", scrape.headers);
        assert!(scrape.text().contains("atelier_"), "{}", scrape.text());
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_pauses_and_resumes_a_queue() {
    let app = AppSetup::embedded().start().await;
    let ada = app.client().register("ada@example.org").await;
    let operator = users::ActiveModel { is_admin: Set(true), ..Default::default() };
    users::Entity::update_many().set(operator).exec(app.db()).await.expect("a database");
    let eve = app.client().register("eve@example.org").await;
    let workers = until("the worker shows itself", async || {
        let workers = ada.get("/api/admin/workers").await;
        (!workers.as_array()?.is_empty()).then_some(workers)
    })
    .await;
    assert_eq!(workers[0]["draining"], false);

    let _paused = ada.client.post("/api/admin/queues/generation/pause").send().await.expect(200);
    let project = eve.create_project("Reading list").await;
    let job = eve.start_generation(&project).await;
    assert_eq!(eve.job(&job).await["why"]["code"], "QUEUE_PAUSED");
    let listed = ada.get("/api/admin/jobs?queue=generation&status=available").await;
    assert_eq!((&listed[0]["id"], &listed[0]["owner_id"]), (&json!(job), &json!(eve.id)));
    assert_eq!(ada.job(&job).await["status"], "available", "operators see everybody's");

    let _resumed = ada.client.post("/api/admin/queues/generation/resume").send().await.expect(200);
    eve.job_once(&job, "succeeded").await;
    let missing = ada.client.post("/api/admin/queues/lunch/pause").send().await;
    let _refused = missing.refused(404, "NOT_FOUND");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_has_a_limited_number_of_streams() {
    let model = FakeOpenAi::start([Completion::Stall(Vec::new())]).await;
    let app = AppSetup::embedded().with_model(&model).start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let job = ada.start_generation(&project).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(ada.events(&job, None).await);
    }

    let path = format!("/api/jobs/{job}/events");
    let refused = ada.client.get(&path).send().await.refused(429, "TOO_MANY_STREAMS");
    assert_eq!(refused.header("retry-after"), "2");
    drop(streams);
    let _asked = ada.cancel(&job).await;
    until("a closed stream makes room", async || {
        (ada.client.get(&path).send().await.status == 200).then_some(())
    })
    .await;
    app.finish().await;
}
