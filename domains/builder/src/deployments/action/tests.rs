use atelier_entities::{ProjectKind, UserId};
use sea_orm::prelude::Uuid;
use serde_json::{Value, json};

use super::*;
use crate::testing::Fixture;

async fn start(fixture: &Fixture, owner: UserId, params: Value) -> Result<StartedAction, ActionError> {
    let tx = fixture.queue().begin().await.expect("begun");
    let request = ActionRequest { owner, waiter: Uuid::now_v7(), params };
    let started = DeployApp.start(&tx, &request).await;
    if started.is_ok() {
        tx.commit().await.expect("committed");
    }
    started
}

#[tokio::test]
async fn a_workflow_publishes_the_current_version_and_waits_for_its_job() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    fixture.store_version(&project, 1, &[("index.html", "<p>one</p>")]).await;
    let params = json!({"project": project.id, "target": null, "version": 1});

    let started = start(&fixture, ada.id, params.clone()).await.expect("started");
    let again = start(&fixture, ada.id, params).await;
    fixture.work().await;

    let StartedAction::Job(job) = started else { panic!("{started:?}") };
    let job = fixture.job(job).await;
    assert!(job.args["awaited_by"].is_string(), "{}", job.args);
    assert_eq!(job.result.expect("a result")["version"], 1);
    assert!(fixture.project(&project).await.deployment_url.is_some());
    let Err(ActionError::Refused { code, is_retryable, .. }) = again else { panic!("{again:?}") };
    assert_eq!((code.as_str(), is_retryable), ("DEPLOYMENT_IN_PROGRESS", true));
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_for_good() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (fixture.register("ada@example.org").await, fixture.register("bob@example.org").await);
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let params = |target: Value| json!({"project": project.id, "target": target, "version": null});

    for (owner, params, code) in [
        (ada.id, params(json!(null)), "VERSION_NOT_FOUND"),
        (bob.id, params(json!(null)), "NOT_FOUND"),
        (ada.id, params(json!("nowhere")), "VALIDATION_FAILED"),
        (ada.id, json!({"project": 5}), "CONFIG_INVALID"),
    ] {
        let refused = start(&fixture, owner, params).await;
        let Err(ActionError::Refused { code: found, is_retryable, .. }) = refused else {
            panic!("{code}: {refused:?}")
        };
        assert_eq!((found.as_str(), is_retryable), (code, false));
    }
}
