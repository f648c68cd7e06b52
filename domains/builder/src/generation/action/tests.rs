use atelier_entities::UserId;
use atelier_providers::llm::fake::ScriptedCompletion;
use atelier_queue::Queue;
use sea_orm::{EntityTrait, PaginatorTrait, prelude::Uuid};
use serde_json::{Value, json};

use super::*;
use crate::testing::{Fixture, GOOD_COMPLETION, options};

fn action(fixture_options: &crate::testing::Options) -> GenerateApp {
    let terms = Terms {
        prices: fixture_options.builder.credits,
        max_versions: fixture_options.builder.generation.max_versions,
    };
    GenerateApp { terms, max_projects: fixture_options.foundation.max_projects }
}

/// Starts the action as the effect of a node's end does.
async fn start(
    queue: &Queue,
    action: GenerateApp,
    owner: UserId,
    params: Value,
) -> Result<StartedAction, ActionError> {
    let tx = queue.begin().await.expect("begun");
    let savepoint = tx.begin_savepoint().await.expect("begun");
    let request = ActionRequest { owner, waiter: Uuid::now_v7(), params };
    let started = action.start(&savepoint, &request).await;
    if started.is_ok() {
        tx.release(savepoint).await.expect("released");
    } else {
        savepoint.rollback().await.expect("rolled back");
    }
    tx.commit().await.expect("committed");
    started
}

fn params(project: Option<ProjectId>) -> Value {
    json!({"project": project, "prompt": "A list of chores\nwith dates", "mode": "quick", "title": null, "kind": "web_app"})
}

#[tokio::test]
async fn a_workflow_generates_an_app_in_a_new_project_for_the_usual_price() {
    let fixture = Fixture::with_script([ScriptedCompletion::Text(GOOD_COMPLETION.to_owned())]).await;
    let ada = fixture.register("ada@example.org").await;
    let before = fixture.credits(ada.id).await;

    let started = start(fixture.queue(), action(&options()), ada.id, params(None)).await.expect("started");
    let StartedAction::Job(job) = started else { panic!("{started:?}") };
    fixture.work().await;

    let job = fixture.job(job).await;
    assert_eq!(fixture.credits(ada.id).await, before - options().builder.credits.quick_price);
    let project = job.subject_id.map(ProjectId).expect("a project");
    let project = fixture.services.foundation.projects.get(&Actor::of_job(Some(ada.id)), project).await;
    let project = project.expect("there");
    assert_eq!((project.title.as_str(), project.current_version), ("A list of chores", Some(1)));
    assert_eq!(project.description, "A list of chores\nwith dates");
}

#[tokio::test]
async fn a_refused_start_leaves_neither_a_job_nor_a_project_nor_a_charge() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (fixture.register("ada@example.org").await, fixture.register("bob@example.org").await);
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let before = fixture.credits(ada.id).await;
    let mut dear = options();
    dear.builder.credits.quick_price = before + 1;
    let mut crowded = options();
    crowded.foundation.max_projects = 1;
    let wrong = json!({"project": null, "prompt": "", "mode": "slow", "title": null, "kind": "web_app"});

    for (settings, owner, params, code) in [
        (&dear, ada.id, params(None), "INSUFFICIENT_CREDITS"),
        (&dear, ada.id, params(Some(project.id)), "INSUFFICIENT_CREDITS"),
        (&crowded, ada.id, params(None), "PROJECT_LIMIT"),
        (&options(), bob.id, params(Some(project.id)), "NOT_FOUND"),
        (&options(), ada.id, wrong, "CONFIG_INVALID"),
    ] {
        let refused = start(fixture.queue(), action(settings), owner, params).await;
        let Err(ActionError::Refused { code: found, is_retryable, .. }) = refused else {
            panic!("{code}: {refused:?}")
        };
        assert_eq!((found.as_str(), is_retryable), (code, false));
    }

    assert!(fixture.jobs_of_kind("generation.run").await.is_empty());
    assert_eq!(fixture.credits(ada.id).await, before);
    let projects = atelier_entities::projects::Entity::find().count(fixture.queue().db()).await;
    assert_eq!(projects.expect("counted"), 1);
}

#[tokio::test]
async fn a_project_that_is_being_generated_may_be_tried_again_later() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    fixture.generate(ada.id, project.id, None).await;

    let refused = start(fixture.queue(), action(&options()), ada.id, params(Some(project.id))).await;

    let Err(ActionError::Refused { code, is_retryable, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!((code.as_str(), is_retryable), ("GENERATION_IN_PROGRESS", true));
}
