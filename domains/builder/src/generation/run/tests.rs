use atelier_entities::{JobState, ProjectStatus, job_events, users};
use atelier_foundation::testing::acting;
use atelier_providers::llm::{
    LlmError, Role,
    fake::{ScriptedCompletion, ScriptedModel},
};
use atelier_queue::Job;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use serde_json::Value;
use tokio::sync::Notify;

use super::*;
use crate::{
    check, parse,
    testing::{BAD_COMPLETION, Fixture, GOOD_COMPLETION, options},
};
use atelier_foundation::{Actor, Page};

fn good() -> ScriptedCompletion {
    ScriptedCompletion::Text(GOOD_COMPLETION.to_owned())
}

fn bad() -> ScriptedCompletion {
    ScriptedCompletion::Text(BAD_COMPLETION.to_owned())
}

async fn stages(fixture: &Fixture, job: atelier_entities::JobId) -> Vec<String> {
    let events = job_events::Entity::find()
        .filter(job_events::Column::JobId.eq(job))
        .filter(job_events::Column::Kind.eq("progress"))
        .order_by_asc(job_events::Column::Seq)
        .all(fixture.services.queue.db())
        .await
        .expect("listed");
    events.into_iter().map(|event| event.data["stage"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_completion_becomes_the_current_version() {
    let fixture = Fixture::with_script([good()]).await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;
    assert_eq!(fixture.project(&project).await.status, ProjectStatus::Generating);
    assert_eq!(fixture.credits(ada.id).await, 8);

    fixture.work().await;

    let job = fixture.job(job.id).await;
    assert_eq!(job.state, JobState::Succeeded, "{:?}", job.error);
    let result = job.result.expect("a result");
    assert_eq!((&result["version"], &result["files"]), (&Value::from(1), &Value::from(2)));
    assert_eq!(stages(&fixture, job.id).await, ["preparing", "writing", "checking", "saving", "done"]);
    let project = fixture.project(&project).await;
    assert_eq!((project.status, project.current_version), (ProjectStatus::Completed, Some(1)));
    let (version, code) =
        fixture.services.builder.versions.code(&acting(ada.id), project.id, None).await.expect("code");
    assert_eq!((version.summary.as_str(), version.provider.as_str()), ("A small reading list.", "scripted"));
    assert!(code.css.expect("a style sheet").contains("teal"));
    assert_eq!(fixture.credits(ada.id).await, 8);
    let subjects = fixture.subjects_to("ada@example.org");
    assert!(subjects.contains(&"“Reading list” is ready".to_owned()), "{subjects:?}");
}

#[tokio::test]
async fn faults_are_sent_back_until_they_are_repaired() {
    let fixture = Fixture::with_script([bad(), good()]).await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;

    fixture.work().await;

    assert_eq!(fixture.job(job.id).await.state, JobState::Succeeded);
    assert!(stages(&fixture, job.id).await.contains(&"repairing".to_owned()));
    let requests = fixture.model.requests();
    let repair = requests[1].messages.last().expect("a message");
    assert_eq!((requests.len(), repair.role), (2, Role::User));
    assert!(repair.content.contains("data.json"), "{}", repair.content);
}

/// A generation with faulty completions only. It fails with their faults.
async fn fail_for_faults(fixture: &Fixture) -> (users::Model, projects::Model) {
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;

    fixture.work().await;

    let job = fixture.job(job.id).await;
    let error = job.error.expect("an error");
    assert_eq!((job.state, error["code"].as_str()), (JobState::Failed, Some("GENERATION_FAULTY")));
    assert_eq!(error["details"]["faults"][0]["path"], "data.json");
    (ada, project)
}

#[tokio::test]
async fn faults_fail_the_job_at_once_if_no_time_is_left() {
    let mut options = options();
    options.builder.generation.max_completion_time = RunGeneration::policy().timeout;
    let fixture = Fixture::with(ScriptedModel::new([bad(), good()]), options).await;

    let (ada, _) = fail_for_faults(&fixture).await;

    assert_eq!((fixture.model.requests().len(), fixture.credits(ada.id).await), (1, 10));
}

#[tokio::test]
async fn faults_that_are_not_repaired_fail_the_job_with_a_refund_and_a_mail() {
    let fixture = Fixture::with_script([bad(), bad()]).await;

    let (ada, project) = fail_for_faults(&fixture).await;

    assert_eq!(fixture.project(&project).await.status, ProjectStatus::Error);
    assert_eq!(fixture.credits(ada.id).await, 10);
    assert!(
        fixture.subjects_to("ada@example.org").contains(&"“Reading list” could not be generated".to_owned())
    );
    let page = Page { number: 1, size: 10 };
    assert_eq!(
        fixture.services.builder.versions.list(&acting(ada.id), project.id, page).await.expect("listed").1,
        0
    );
}

#[tokio::test]
async fn a_rate_limited_request_to_the_model_is_retried_later() {
    let after = Some(std::time::Duration::from_secs(40));
    let slow = LlmError::RateLimited { message: "slow down".to_owned(), after };
    let fixture = Fixture::with_script([ScriptedCompletion::Fails(slow), good()]).await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;

    fixture.work().await;
    let waiting = fixture.job(job.id).await;
    assert_eq!((waiting.state, fixture.credits(ada.id).await), (JobState::Retrying, 8));
    assert_eq!(fixture.project(&project).await.status, ProjectStatus::Generating);
    fixture.advance(41);
    fixture.work().await;

    assert_eq!(fixture.job(job.id).await.state, JobState::Succeeded);
    assert_eq!(fixture.credits(ada.id).await, 8);
}

#[tokio::test]
async fn a_change_is_requested_with_the_files_of_the_previous_version() {
    let fixture = Fixture::with_script([good(), good()]).await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    fixture.generate(ada.id, project.id, None).await;
    fixture.work().await;
    fixture.generate(ada.id, project.id, Some("Add a search box")).await;
    fixture.work().await;

    let request = &fixture.model.requests()[1];
    assert!(request.description.contains("Add a search box"));
    assert_eq!(request.previous_files.len(), 2);
    assert_eq!(fixture.project(&project).await.current_version, Some(2));
}

#[tokio::test]
async fn cancelling_while_the_model_writes_stops_it() {
    let never = std::sync::Arc::new(Notify::new());
    let fixture = Fixture::with_script([ScriptedCompletion::Waits(never, Box::new(good()))]).await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;

    let cancel = async {
        fixture.model.wait_for_requests(1).await;
        fixture.services.queue.cancel(job.id, Some(ada.id)).await.expect("cancelled");
    };
    tokio::join!(fixture.work(), cancel);

    assert_eq!(fixture.job(job.id).await.state, JobState::Cancelled);
    assert_eq!(fixture.project(&project).await.status, ProjectStatus::Draft);
    assert_eq!(fixture.credits(ada.id).await, 10);
}

#[tokio::test]
async fn deleting_the_project_cancels_its_running_generation() {
    let wait = std::sync::Arc::new(Notify::new());
    let fixture = Fixture::with_script([ScriptedCompletion::Waits(wait.clone(), Box::new(good()))]).await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;

    let delete = async {
        fixture.model.wait_for_requests(1).await;
        fixture.services.foundation.projects.delete(&acting(ada.id), project.id).await.expect("deleted");
        wait.notify_one();
    };
    tokio::join!(fixture.work(), delete);

    assert_eq!(fixture.job(job.id).await.state, JobState::Cancelled);
    assert_eq!(fixture.credits(ada.id).await, 10);
}

#[tokio::test]
async fn the_version_of_an_attempt_that_died_is_the_result() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;
    fixture.store_version_of(&job, project.id).await;

    fixture.work().await;

    let job = fixture.job(job.id).await;
    assert_eq!(
        (job.state, &job.result.expect("a result")["version"]),
        (JobState::Succeeded, &Value::from(1))
    );
    assert_eq!(fixture.project(&project).await.current_version, Some(1));
    assert!(fixture.model.requests().is_empty(), "nothing was written again");
}

#[tokio::test]
async fn a_job_without_success_leaves_no_version() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;
    fixture.store_version_of(&job, project.id).await;

    fixture.services.queue.cancel(job.id, Some(ada.id)).await.expect("cancelled");

    let page = Page { number: 1, size: 10 };
    assert_eq!(
        fixture.services.builder.versions.list(&acting(ada.id), project.id, page).await.expect("listed").1,
        0
    );
}

#[tokio::test]
async fn a_retried_generation_is_a_new_job_that_is_charged_again() {
    let fixture = Fixture::with_script([bad(), bad(), bad(), bad(), good()]).await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let first = fixture.generate(ada.id, project.id, Some("Blue, please")).await;
    fixture.work().await;
    assert_eq!(fixture.credits(ada.id).await, 10);

    let second = fixture
        .services
        .builder
        .generation
        .restart(&Actor::anonymous(), &fixture.job(first.id).await)
        .await
        .expect("again");
    assert_ne!(second.id, first.id);
    assert_eq!((second.args["prompt"].as_str(), fixture.credits(ada.id).await), (Some("Blue, please"), 8));
    fixture.work().await;
    assert_eq!(fixture.credits(ada.id).await, 10);

    let third = fixture
        .services
        .builder
        .generation
        .restart(&Actor::anonymous(), &fixture.job(second.id).await)
        .await
        .expect("again");
    fixture.work().await;
    assert_eq!(fixture.job(third.id).await.state, JobState::Succeeded);
    assert_eq!(fixture.credits(ada.id).await, 8);
}

#[tokio::test]
async fn a_refunded_job_that_runs_again_neither_costs_nor_produces_anything() {
    let fixture = Fixture::with_script([bad(), bad(), good()]).await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;
    fixture.work().await;

    fixture.services.queue.retry(job.id, None).await.expect("again");
    fixture.work().await;

    let job = fixture.job(job.id).await;
    assert_eq!(job.error.expect("an error")["code"], "GENERATION_REFUNDED");
    assert_eq!(fixture.credits(ada.id).await, 10);
    assert_eq!(fixture.model.requests().len(), 2);
}

mod scaffold;
