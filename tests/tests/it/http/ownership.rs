//! Data of other people.

use atelier_tests::{AppSetup, Completion, FakeOpenAi};
use serde_json::{Value, json};

use super::document::{Operation, operations};

/// A graph whose runs wait.
fn waiting_graph() -> Value {
    let nodes = json!([
        {"key": "start", "type": "manual"},
        {"key": "wait", "type": "wait_signal", "config": {"signal": "never"}},
    ]);
    json!({"nodes": nodes, "edges": [{"from": "start", "to": "wait"}]})
}

pub(super) async fn data_of_other_people_is_404(setup: AppSetup) {
    let model = FakeOpenAi::start([Completion::Stall(Vec::new())]).await;
    let app = setup.with_model(&model).start().await;
    let ada = app.client().register("ada@example.org").await;
    let eve = app.client().register("eve@example.org").await;
    let project = ada.create_project("Secret plans").await;
    let job = ada.start_generation(&project).await;
    ada.job_in_stage(&job, "writing").await;
    let workflow = ada.publish_workflow("Secret workflow", &waiting_graph()).await;
    let run = ada.start_run(&workflow, &json!({"plan": "Secret"})).await;
    ada.run_once(&run, "waiting").await;
    let integration = json!({
        "type": "http_bearer", "name": "Secret integration", "secrets": {"token": "Secret"},
        "allowed_hosts": ["api.example.com"],
    });
    let integration = ada.create("/api/v1/automation/integrations/", &integration).await;
    let schedule = json!({"workflow_id": workflow, "name": "Secret schedule", "expression": "@yearly"});
    let schedule = ada.create("/api/v1/automation/schedules/", &schedule).await;
    let webhook = json!({"url": "https://shop.example/Secret", "events": ["*"]});
    let webhook = ada.create("/api/v1/automation/webhooks/", &webhook).await;
    let before = ada.project(&project).await;

    let mut asked = 0;
    for operation in operations() {
        let id = match operation.path.as_str() {
            path if path.starts_with("/api/projects/{id}") => &project,
            path if path.starts_with("/api/jobs/{id}") => &job,
            path if path.starts_with("/api/v1/automation/workflows/{id}") => &workflow,
            path if path.starts_with("/api/v1/automation/executions/{id}") => &run,
            path if path.starts_with("/api/v1/automation/integrations/{id}") => &integration,
            path if path.starts_with("/api/v1/automation/schedules/{id}") => &schedule,
            path if path.starts_with("/api/v1/automation/webhooks/{id}") => &webhook,
            _ => continue,
        };
        let call = eve.client.call(&operation.method, &operation.path_with(id));
        let call = if operation.method == "GET" { call } else { call.json(&json!({})) };
        let reply = call.send().await.refused(404, "NOT_FOUND");
        assert!(!reply.text().contains("Secret"), "{} {}", operation.method, operation.path);
        asked += 1;
    }

    assert!(asked >= 87, "only {asked} operations are about one project, job, workflow and the like");
    let nothing = json!([]);
    for path in ["/api/projects", "/api/jobs", &format!("/api/jobs?project={project}")] {
        assert_eq!(eve.get(path).await, nothing, "{path}");
    }
    for query in ["".to_owned(), format!("?workflow={workflow}"), format!("?parent={run}")] {
        let path = format!("/api/v1/automation/executions/{query}");
        assert_eq!(eve.get(&path).await["count"], 0, "{path}");
    }
    assert_eq!(ada.run(&run).await["status"], "waiting");
    assert_eq!(ada.project(&project).await, before);
    assert_eq!(ada.job(&job).await["cancel_requested_at"], Value::Null);
    assert_eq!((eve.balance().await, ada.balance().await), (10, 8));
    let _asked = ada.cancel(&job).await.expect(202);
    ada.job_once(&job, "cancelled").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_administrators_use_the_admin_routes() {
    let app = AppSetup::embedded().start().await;
    let ada = app.client().register("ada@example.org").await;
    let administration: Vec<_> = operations().into_iter().filter(Operation::is_admin_only).collect();
    assert!(administration.len() >= 5);
    for operation in administration {
        let call = ada.client.call(&operation.method, &operation.path_with(super::document::NOBODYS));
        let call = if operation.method == "GET" { call } else { call.json(&json!({})) };
        let _refused = call.send().await.refused(403, "FORBIDDEN");
    }
    app.finish().await;
}
