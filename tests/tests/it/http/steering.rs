//! Cancelling and retrying jobs.

use atelier_queue::QueueName;
use atelier_tests::{AppSetup, job_id};
use serde_json::json;

pub(super) async fn a_waiting_generation_is_cancelled_at_once_and_refunded(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    app.queue().pause(QueueName::Generation, None).await.expect("paused");
    let id = ada.start_generation(&project).await;
    let waiting = ada.job(&id).await;
    assert_eq!((&waiting["status"], &waiting["attempt"]), (&json!("available"), &json!(0)));
    assert!(waiting["why"]["code"].is_string(), "{waiting}");
    let why = ada.get(&format!("/api/jobs/{id}/why")).await;
    assert_eq!(why["code"], waiting["why"]["code"]);

    let cancelled = ada.cancel(&id).await.expect(200).json();

    assert_eq!(cancelled["job"]["status"], "cancelled");
    assert_eq!(ada.balance().await, 10);
    assert_eq!(ada.project(&project).await["status"], "draft");
    assert_eq!(ada.get(&format!("/api/jobs/{id}/attempts")).await, json!([]));
    app.queue().resume(QueueName::Generation).await.expect("resumed");
    let again = ada.client.post(&format!("/api/jobs/{id}/retry")).send().await.expect(202);
    let second = job_id(&again);
    assert_ne!(second, id, "charged again, so another job");
    ada.job_once(&second, "succeeded").await;
    let ended = ada.client.post(&format!("/api/jobs/{second}/retry")).send().await;
    let _refused = ended.refused(409, "WRONG_STATE");
    assert_eq!(ada.balance().await, 8);
    app.finish().await;
}

pub(super) async fn a_project_is_published_once_at_a_time(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    let project = ada.create_project("Reading list").await;
    ada.job_once(&ada.start_generation(&project).await, "succeeded").await;
    app.queue().pause(QueueName::Deployment, None).await.expect("paused");
    let path = format!("/api/projects/{project}/deploy");
    let deploy = async || ada.client.post(&path).send().await;

    let first = job_id(&deploy().await.expect(202));
    let second = deploy().await.refused(409, "DEPLOYMENT_IN_PROGRESS").json();
    assert_eq!(second["details"]["location"], format!("/api/jobs/{first}"));
    let _cancelled = ada.cancel(&first).await.expect(200);
    let status = ada.get(&format!("/api/projects/{project}/deployment/status")).await;
    assert_eq!((&status["status"], &status["url"]), (&json!("cancelled"), &json!(null)));

    let again = ada.client.post(&format!("/api/jobs/{first}/retry")).send().await.expect(202);
    let next = job_id(&again);
    assert_ne!(next, first, "what the first one had copied is removed, so another job");
    app.queue().resume(QueueName::Deployment).await.expect("resumed");
    ada.job_once(&next, "succeeded").await;
    let status = ada.get(&format!("/api/projects/{project}/deployment/status")).await;
    assert_eq!(status["status"], "live", "{status}");
    app.finish().await;
}
