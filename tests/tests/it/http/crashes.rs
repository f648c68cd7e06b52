//! Generations whose process ends before them.

use atelier_config::Role;
use atelier_tests::{AppSetup, Completion, FakeOpenAi, Person, until};
use serde_json::{Value, json};

use super::model::GOOD;

/// A model server with an endless completion, then a valid one.
async fn stalling_model() -> FakeOpenAi {
    FakeOpenAi::start([
        Completion::Stall(vec!["```html path=index.html\n<h1>".to_owned()]),
        Completion::text(GOOD),
    ])
    .await
}

async fn asked(model: &FakeOpenAi, times: usize) {
    until("the model is asked", async || (model.list_requests().len() == times).then_some(())).await;
}

/// Checks a generation that was completed once after several starts.
async fn check_done_once(person: &Person, project: &str, outcomes: &[&str], job: &Value) {
    let id = job["id"].as_str().expect("an id");
    let attempts = person.get(&format!("/api/jobs/{id}/attempts")).await;
    let listed: Vec<_> = attempts.as_array().expect("a list").iter().map(|one| &one["outcome"]).collect();
    assert_eq!(listed, outcomes, "{attempts}");
    assert_eq!(job["attempt"], outcomes.len());
    let versions = person.get(&format!("/api/projects/{project}/versions")).await;
    assert_eq!(versions.as_array().map(Vec::len), Some(1));
    assert_eq!(person.ledger().await, [("bonus".to_owned(), 10), ("usage".to_owned(), -2)]);
    assert_eq!(person.project(project).await["status"], "completed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_in_the_middle_costs_no_attempt() {
    let model = stalling_model().await;
    let setup = AppSetup::embedded().with(|settings| settings.server.shutdown_grace_secs = 1);
    let mut app = setup.with_model(&model).start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let id = ada.start_generation(&project).await;
    asked(&model, 1).await;
    let mut stream = ada.events(&id, None).await;
    let mut last = None;

    app.restart().await;

    while let Some(event) = stream.next().await.expect("the server closes its streams") {
        assert_ne!(event.event, "end", "the job has not ended");
        last = event.id;
    }
    let ada = Person { client: app.client().signed_in(&ada.access_token), ..ada };
    let mut stream = ada.events(&id, last.as_deref()).await;
    while stream.next().await.expect("the stream is whole").expect("an end").event != "end" {}
    let job = ada.job_once(&id, "succeeded").await;
    check_done_once(&ada, &project, &["succeeded"], &job).await;
    asked(&model, 2).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_is_replaced() {
    let model = stalling_model().await;
    let setup = AppSetup::scaled().await.without(Role::Worker).with_model(&model);
    let mut app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let worker = app.start_killable_worker();
    let id = ada.start_generation(&project).await;
    asked(&model, 1).await;
    assert_eq!(ada.job(&id).await["status"], "running");

    worker.kill();
    app.start(Role::Worker).await;

    let job = ada.job_once(&id, "succeeded").await;
    check_done_once(&ada, &project, &["lost", "succeeded"], &job).await;
    assert_eq!(job["result"]["version"], json!(1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_enqueued_without_a_worker_run_on_the_first_one() {
    let mut app = AppSetup::scaled().await.without(Role::Worker).start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    let id = ada.start_generation(&project).await;
    let waiting = ada.job(&id).await;
    assert_eq!(waiting["status"], "available");
    assert!(waiting["why"]["code"].is_string(), "{waiting}");

    app.start(Role::Worker).await;

    let job = ada.job_once(&id, "succeeded").await;
    check_done_once(&ada, &project, &["succeeded"], &job).await;
    app.finish().await;
}
