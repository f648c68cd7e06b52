use std::sync::Arc;

use atelier_entities::{GenerationMode, JobId, ProjectKind, UserId, jobs};
use atelier_foundation::testing::acting;
use atelier_queue::Job;

use super::*;
use crate::{
    generation::{GenerationError, GenerationInput, RunGeneration},
    testing::Fixture,
};
use atelier_foundation::Actor;

fn project(status: ProjectStatus, current_version: Option<i32>) -> projects::Model {
    projects::Model {
        id: atelier_entities::ProjectId::new(),
        user_id: UserId::new(),
        title: String::new(),
        description: String::new(),
        kind: ProjectKind::WebApp,
        status,
        repository_url: None,
        deployment_url: None,
        config: json!({}),
        current_version,
        views: 0,
        created_at: atelier_entities::Timestamp::UNIX_EPOCH,
        updated_at: atelier_entities::Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn the_end_of_a_generation_sets_the_status_of_its_project() {
    use ProjectStatus::{Completed, Draft, Error, Generating};
    let table = [
        (Generating, None, JobState::Succeeded, Some(Completed)),
        (Draft, None, JobState::Succeeded, Some(Completed)),
        (Generating, None, JobState::Failed, Some(Error)),
        (Generating, Some(1), JobState::Failed, Some(Completed)),
        (Generating, None, JobState::Cancelled, Some(Draft)),
        (Generating, None, JobState::Discarded, Some(Draft)),
        (Generating, Some(1), JobState::Cancelled, Some(Completed)),
        (Error, None, JobState::Failed, None),
    ];
    for (status, version, ended, next) in table {
        assert_eq!(next_status(&project(status, version), ended), next, "{status} {version:?} {ended}");
    }
}

fn ended(job: &jobs::Model, state: JobState) -> EndedJob {
    EndedJob {
        id: job.id,
        kind: RunGeneration::KIND,
        args: Arc::new(job.args.clone()),
        state,
        result: None,
        error: None,
        owner: job.owner_id,
        subject: job.subject_id,
    }
}

#[tokio::test]
async fn ending_twice_refunds_once() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;

    for _ in 0..2 {
        let tx = fixture.services.queue.begin().await.expect("begun");
        GenerationEnded.on_end(&tx, &ended(&job, JobState::Failed)).await.expect("applied");
        tx.commit().await.expect("committed");
    }

    assert_eq!(fixture.credits(ada.id).await, 10);
}

#[tokio::test]
async fn an_effect_that_is_rolled_back_changes_nothing() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;

    let tx = fixture.services.queue.begin().await.expect("begun");
    GenerationEnded.on_end(&tx, &ended(&job, JobState::Failed)).await.expect("applied");
    tx.rollback().await.expect("rolled back");

    assert_eq!(fixture.credits(ada.id).await, 8);
    assert_eq!(fixture.project(&project).await.status, ProjectStatus::Generating);
}

#[tokio::test]
async fn a_project_has_one_generation_at_a_time() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let first = fixture.generate(ada.id, project.id, None).await;
    let input = GenerationInput { mode: GenerationMode::Quick, prompt: None, stack: None };

    let second = fixture.services.builder.generation.start(&acting(ada.id), project.id, input).await;

    assert!(matches!(second, Err(GenerationError::AlreadyRunning(id)) if id == first.id));
    assert_eq!(fixture.credits(ada.id).await, 8);
}

#[tokio::test]
async fn a_generation_without_enough_credits_leaves_no_rows() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let mut started: Vec<JobId> = Vec::new();
    let input = GenerationInput { mode: GenerationMode::Advanced, prompt: None, stack: None };
    for _ in 0..2 {
        let project = fixture.create_project(ada.id, ProjectKind::Api).await;
        let job = fixture.services.builder.generation.start(&acting(ada.id), project.id, input.clone()).await;
        started.push(job.expect("paid").id);
    }
    let project = fixture.create_project(ada.id, ProjectKind::Api).await;

    let refused = fixture.services.builder.generation.start(&acting(ada.id), project.id, input).await;

    assert!(matches!(refused, Err(GenerationError::InsufficientCredits { needed: 4, available: 2 })));
    assert_eq!(fixture.credits(ada.id).await, 2);
    assert_eq!(fixture.jobs_of_kind("generation.run").await.len(), started.len());
    assert_eq!(fixture.project(&project).await.status, ProjectStatus::Draft);
}

#[tokio::test]
async fn a_balance_is_never_spent_twice() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
        let (generation, input) = (
            fixture.services.builder.generation.clone(),
            GenerationInput { mode: GenerationMode::Quick, prompt: None, stack: None },
        );
        running.spawn(async move { generation.start(&acting(ada.id), project.id, input).await.is_ok() });
    }

    let started = running.join_all().await.into_iter().filter(|started| *started).count();

    assert_eq!((started, fixture.credits(ada.id).await), (5, 0));
}

#[tokio::test]
async fn another_persons_project_cannot_be_generated() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (fixture.register("ada@example.org").await, fixture.register("bob@example.org").await);
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let input = GenerationInput { mode: GenerationMode::Quick, prompt: None, stack: None };

    let refused = fixture.services.builder.generation.start(&acting(bob.id), project.id, input).await;

    assert!(matches!(refused, Err(GenerationError::NotFound)));
    assert_eq!((fixture.credits(ada.id).await, fixture.credits(bob.id).await), (10, 10));
}

#[tokio::test]
async fn cancelling_a_waiting_generation_refunds_it() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;

    fixture.services.queue.cancel(job.id, Some(ada.id)).await.expect("cancelled");

    assert_eq!(fixture.credits(ada.id).await, 10);
    assert_eq!(fixture.project(&project).await.status, ProjectStatus::Draft);
}

#[tokio::test]
async fn a_generation_with_unreadable_args_fails_with_a_refund() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;
    fixture.make_unreadable(job.id).await;

    fixture.work().await;

    let job = fixture.job(job.id).await;
    assert_eq!(
        (job.state, &job.error.expect("an error")["code"]),
        (JobState::Failed, &json!("UNDECODABLE_ARGS"))
    );
    assert_eq!(
        (fixture.credits(ada.id).await, fixture.project(&project).await.status),
        (10, ProjectStatus::Error)
    );
    fixture.generate(ada.id, project.id, None).await;
}

#[tokio::test]
async fn a_generation_with_unreadable_args_can_be_cancelled_and_erased() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let actor = Actor::anonymous();

    let job = fixture.generate(ada.id, project.id, None).await;
    fixture.make_unreadable(job.id).await;
    fixture.services.queue.cancel(job.id, Some(ada.id)).await.expect("cancelled");
    assert_eq!(
        (fixture.credits(ada.id).await, fixture.project(&project).await.status),
        (10, ProjectStatus::Draft)
    );

    let job = fixture.generate(ada.id, project.id, None).await;
    fixture.make_unreadable(job.id).await;
    fixture.services.foundation.identity.erase_account(&actor, ada.id).await.expect("erased");
    fixture.finish_erasures().await;
    assert!(fixture.services.queue.find_job(job.id, None).await.expect("asked").is_none());
}
