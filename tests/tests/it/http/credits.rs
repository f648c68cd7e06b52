//! Credits of generations.

use atelier_tests::{AppSetup, Completion, FakeOpenAi};
use serde_json::json;

use super::model::FAULTY;

fn row(kind: &str, amount: i64) -> (String, i64) {
    (kind.to_owned(), amount)
}

pub(super) async fn the_sixth_quick_generation_exceeds_the_credits(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    for version in 1..=5 {
        let job = ada.job_once(&ada.start_generation(&project).await, "succeeded").await;
        assert_eq!(job["result"]["version"], version);
    }

    let refused = ada.generate(&project).await.refused(409, "INSUFFICIENT_CREDITS");

    assert_eq!(refused.json()["details"], json!({"needed": 2, "available": 0}));
    let mut expected = vec![row("bonus", 10)];
    expected.extend((0..5).map(|_| row("usage", -2)));
    assert_eq!(ada.ledger().await, expected);
    assert_eq!(app.jobs_of("generation.run").await.len(), 5, "the refusal leaves no job");
    assert_eq!(ada.project(&project).await["status"], "completed", "nor a project that waits");
    app.finish().await;
}

pub(super) async fn a_failed_generation_is_refunded(setup: AppSetup) {
    let model = FakeOpenAi::start((0..3).map(|_| Completion::text(FAULTY))).await;
    let app = setup.with_model(&model).start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;

    let id = ada.start_generation(&project).await;
    let job = ada.job_once(&id, "failed").await;

    let error = &job["error"];
    assert_eq!(error["code"], "GENERATION_FAULTY", "{error}");
    let fault = &error["details"]["faults"][0];
    assert_eq!((&fault["path"], fault["message"].is_string()), (&json!("data.json"), true), "{error}");
    assert_eq!(job["attempt"], 1, "another attempt would not be better");
    assert_eq!(model.list_requests().len(), 3, "the answer and two repairs");
    assert_eq!(ada.ledger().await, [row("bonus", 10), row("usage", -2), row("refund", 2)]);
    assert_eq!(ada.project(&project).await["status"], "error");
    let versions = ada.get(&format!("/api/projects/{project}/versions")).await;
    assert_eq!(versions, json!([]), "a version is stored whole or not at all");

    model.add_completion(Completion::text(super::model::GOOD));
    let again = ada.client.post(&format!("/api/jobs/{id}/retry")).send().await.expect(202);
    ada.job_once(&atelier_tests::job_id(&again), "succeeded").await;
    assert_eq!(ada.balance().await, 8, "the second attempt is charged again");
    app.finish().await;
}
