//! Generations with a model server that returns valid, invalid or no completions.

use atelier_tests::{AppSetup, Completion, FakeOpenAi, Person, TestApp, until};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// A completion that passes the checks.
pub(super) const GOOD: &str = "A small reading list.\n\n\
    ```html path=index.html\n<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <title>Books</title>\n<link rel=\"stylesheet\" href=\"styles.css\">\n</head>\n\
    <body>\n<h1>Books</h1>\n</body>\n</html>\n```\n\n\
    ```css path=styles.css\nh1 { color: teal; }\n```\n";

/// A completion with an invalid JSON file.
pub(super) const FAULTY: &str = "Here.\n\n```html path=index.html\n<!doctype html>\n<html lang=\"en\">\n\
    <head><title>Books</title></head>\n<body><h1>Books</h1></body>\n</html>\n```\n\n\
    ```json path=data.json\n{\"a\": \n```\n";

/// An instance with scripted completions, and a project.
struct Setup {
    app: TestApp,
    model: FakeOpenAi,
    ada: Person,
    project: String,
}

impl Setup {
    async fn of(setup: AppSetup, answers: impl IntoIterator<Item = Completion>) -> Self {
        let model = FakeOpenAi::start(answers).await;
        let app = setup.with_model(&model).start().await;
        let ada = app.client().register("ada@example.org").await;
        let project = ada.create_project("Reading list").await;
        Self { app, model, ada, project }
    }

    async fn start(&self) -> String {
        self.ada.start_generation(&self.project).await
    }

    /// Waits until a job is retrying, advances the clock, and returns the succeeded job.
    async fn let_retry_succeed(&self, job: &str, wait: TimeDelta) -> Value {
        self.app.advance(wait).await;
        self.ada.job_once(job, "succeeded").await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_valid_completion_becomes_a_version() {
    let scene = Setup::of(AppSetup::embedded(), [Completion::text(GOOD)]).await;

    let job = scene.ada.job_once(&scene.start().await, "succeeded").await;

    assert_eq!((&job["result"]["provider"], &job["result"]["files"]), (&json!("openai"), &json!(2)));
    let requests = scene.model.list_requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].authorization, "Bearer a key of the model server");
    assert_eq!(
        (&requests[0].body["model"], &requests[0].body["stream"]),
        (&json!("gpt-5-mini"), &json!(true))
    );
    assert!(requests[0].body["messages"].to_string().contains("ratings and a search box"));
    let code = scene.ada.get(&format!("/api/projects/{}/code", scene.project)).await;
    assert_eq!(code["css_code"], "h1 { color: teal; }\n");
    scene.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faulty_completion_is_sent_back_with_its_faults() {
    let scene = Setup::of(AppSetup::embedded(), [Completion::text(FAULTY), Completion::text(GOOD)]).await;

    let job = scene.ada.job_once(&scene.start().await, "succeeded").await;

    assert_eq!(job["attempt"], 1);
    let requests = scene.model.list_requests();
    assert_eq!(requests.len(), 2);
    let messages = requests[1].body["messages"].as_array().expect("messages");
    assert_eq!(messages[messages.len() - 2]["role"], "assistant");
    assert!(messages.last().expect("a message").to_string().contains("data.json"));
    assert_eq!(scene.ada.balance().await, 8);
    scene.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_completion_is_not_accepted() {
    let half = &GOOD[..GOOD.find("color").expect("a word of the answer")];
    let scene = Setup::of(AppSetup::embedded(), [Completion::truncated(half), Completion::text(GOOD)]).await;

    scene.ada.job_once(&scene.start().await, "succeeded").await;

    assert_eq!(scene.model.list_requests().len(), 2);
    let code = scene.ada.get(&format!("/api/projects/{}/code", scene.project)).await;
    assert_eq!(code["css_code"], "h1 { color: teal; }\n");
    scene.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_model_server_is_retried_after_its_retry_after() {
    let busy = Completion::Refuse {
        status: 429,
        code: "rate_limit_exceeded".to_owned(),
        retry_after_secs: Some(40),
    };
    let scene = Setup::of(AppSetup::embedded(), [busy, Completion::text(GOOD)]).await;
    let id = scene.start().await;

    let waiting = scene.ada.job_once(&id, "retrying").await;
    assert_eq!(waiting["error"]["code"], "LLM_RATE_LIMITED");
    assert_eq!(waiting["why"]["retry_at"], waiting["run_at"]);
    let polled = scene.ada.client.get(&format!("/api/jobs/{id}")).send().await.expect(200);
    let hint: u64 = polled.header("retry-after").parse().expect("seconds");
    assert!((30..=40).contains(&hint), "{hint}");
    assert_eq!(scene.ada.project(&scene.project).await["status"], "generating");

    let job = scene.let_retry_succeed(&id, TimeDelta::seconds(41)).await;
    assert_eq!(job["attempt"], 2);
    let attempts = scene.ada.get(&format!("/api/jobs/{id}/attempts")).await;
    assert_eq!((&attempts[0]["outcome"], &attempts[1]["outcome"]), (&json!("failed"), &json!("succeeded")));
    assert_eq!(scene.ada.balance().await, 8, "charged once");
    scene.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_is_retried() {
    let cut = Completion::CutOff(vec!["```html path=index.html\n".to_owned(), "<!doctype".to_owned()]);
    let scene = Setup::of(AppSetup::embedded(), [cut, Completion::text(GOOD)]).await;
    let id = scene.start().await;

    let waiting = scene.ada.job_once(&id, "retrying").await;
    assert_eq!(waiting["error"]["code"], "LLM_UNAVAILABLE");
    let job = scene.let_retry_succeed(&id, TimeDelta::seconds(30)).await;

    assert_eq!((&job["attempt"], &job["result"]["version"]), (&json!(2), &json!(1)));
    scene.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_key_fails_at_once_and_is_not_revealed() {
    let scene = Setup::of(AppSetup::embedded(), [Completion::refusal(401, "invalid_api_key")]).await;

    let job = scene.ada.job_once(&scene.start().await, "failed").await;

    assert_eq!((&job["error"]["code"], &job["attempt"]), (&json!("LLM_AUTH"), &json!(1)));
    assert!(!job.to_string().contains("a key of the model server"), "{job}");
    assert_eq!(scene.ada.balance().await, 10);
    scene.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polling_a_running_job_costs_no_body_until_it_changes() {
    let scene = Setup::of(AppSetup::embedded(), [Completion::Stall(Vec::new())]).await;
    let id = scene.start().await;
    scene.ada.job_in_stage(&id, "writing").await;
    let path = format!("/api/jobs/{id}");

    let polled = scene.ada.client.get(&path).send().await.expect(200);
    let etag = polled.header("etag").to_owned();
    assert_eq!((polled.header("retry-after"), polled.json()["status"].as_str()), ("1", Some("running")));
    let same = scene.ada.client.get(&path).header("if-none-match", &etag).send().await.expect(304);
    assert_eq!((same.header("retry-after"), same.bytes.len()), ("1", 0));
    let again = scene.ada.generate(&scene.project).await.refused(409, "GENERATION_IN_PROGRESS");
    assert_eq!(again.json()["details"]["job_id"], id.as_str());

    let _asked = scene.ada.cancel(&id).await.expect(202);
    scene.ada.job_once(&id, "cancelled").await;
    let changed = scene.ada.client.get(&path).header("if-none-match", &etag).send().await.expect(200);
    assert_eq!(changed.header("retry-after"), "");
    scene.app.finish().await;
}

pub(super) async fn a_generation_is_cancelled_while_the_model_writes(setup: AppSetup) {
    let scene = Setup::of(setup, [Completion::Stall(vec!["```html path=index.html\n<h1>".to_owned()])]).await;
    let id = scene.start().await;
    scene.ada.job_in_stage(&id, "writing").await;
    until("the model is asked", async || (!scene.model.list_requests().is_empty()).then_some(())).await;
    assert_eq!(scene.ada.project(&scene.project).await["status"], "generating");

    let asked = scene.ada.cancel(&id).await.expect(202);
    assert_eq!(asked.header("location"), format!("/api/jobs/{id}"));
    let job = scene.ada.job_once(&id, "cancelled").await;

    assert_eq!(job["error"]["code"], "CANCELLED");
    let usage = scene.ada.get(&format!("/api/projects/{}/usage", scene.project)).await;
    let account = (&usage[0]["class"], &usage[0]["is_estimated"]);
    assert_eq!(account, (&json!("cancelled"), &json!(true)), "its tokens are not forgotten: {usage}");
    assert_eq!(scene.ada.project(&scene.project).await["status"], "draft");
    let expected = [("bonus", 10), ("usage", -2), ("refund", 2)];
    assert_eq!(scene.ada.ledger().await, expected.map(|(kind, amount)| (kind.to_owned(), amount)));
    let again = scene.ada.cancel(&id).await.refused(409, "WRONG_STATE");
    assert_eq!(again.json()["details"]["status"], "cancelled");
    scene.model.add_completion(Completion::text(GOOD));
    scene.ada.job_once(&scene.start().await, "succeeded").await;
    scene.app.finish().await;
}
