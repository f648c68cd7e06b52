use atelier_foundation::testing::acting;
use std::sync::Arc;

use atelier_builder::deployments::DeploymentInput;
use atelier_entities::{
    DeploymentStatus, JobId, JobState, ProjectKind, ProjectStatus, UserId, audit_log, deployments, jobs,
    projects,
};
use atelier_foundation::{
    Actor, credits,
    identity::{AccountChanges, IdentityError},
};
use atelier_providers::llm::fake::ScriptedCompletion;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::testing::{Fixture, GOOD_COMPLETION};

fn good() -> ScriptedCompletion {
    ScriptedCompletion::Text(GOOD_COMPLETION.to_owned())
}

async fn set_active(fixture: &Fixture, user: UserId, is_active: bool) {
    let changes = AccountChanges { is_active: Some(is_active), ..AccountChanges::default() };
    fixture
        .services
        .foundation
        .identity
        .change_account(&Actor::anonymous(), user, changes)
        .await
        .expect("changed");
}

/// Starts a generation of a new project.
async fn generate(fixture: &Fixture, user: UserId) -> jobs::Model {
    let project = fixture.create_project(user, ProjectKind::WebApp).await;
    fixture.generate(user, project.id, None).await
}

async fn deploy(fixture: &Fixture, user: UserId) -> (deployments::Model, jobs::Model) {
    let project = fixture.create_project(user, ProjectKind::WebApp).await;
    fixture.store_version(&project, 1, &[("index.html", "<p>Books</p>")]).await;
    let input = DeploymentInput { platform: "preview".to_owned(), version: Some(1) };
    fixture.services.builder.deployments.start(&acting(user), project.id, input).await.expect("started")
}

async fn recorded(fixture: &Fixture) -> Vec<Value> {
    let found = audit_log::Entity::find().filter(audit_log::Column::Action.eq("account.deactivate"));
    let found = found.order_by_asc(audit_log::Column::Id).all(fixture.services.queue.db()).await;
    found.expect("listed").into_iter().map(|entry| entry.context["jobs"].clone()).collect()
}

async fn state(fixture: &Fixture, job: JobId) -> JobState {
    fixture.job(job).await.state
}

fn notices(fixture: &Fixture) -> Vec<String> {
    let mails = fixture.mailer.mails().into_iter();
    mails.filter(|mail| mail.subject == "Your account was deactivated").map(|mail| mail.text).collect()
}

#[tokio::test]
async fn a_deactivation_cancels_and_refunds_waiting_jobs_and_mails_the_person_once() {
    let fixture = Fixture::with_script([good()]).await;
    let (ada, bob) = (fixture.register("ada@example.org").await, fixture.register("bob@example.org").await);
    let (one, two) = (generate(&fixture, ada.id).await, generate(&fixture, ada.id).await);
    let (deployment, publishing) = deploy(&fixture, ada.id).await;
    let bobs = generate(&fixture, bob.id).await;
    assert_eq!(fixture.credits(ada.id).await, 6);

    set_active(&fixture, ada.id, false).await;

    for job in [one.id, two.id, publishing.id] {
        assert_eq!(state(&fixture, job).await, JobState::Cancelled);
    }
    assert_eq!(fixture.credits(ada.id).await, 10);
    let db = fixture.services.queue.db();
    let deployment = deployments::Entity::find_by_id(deployment.id).one(db).await.expect("asked");
    assert_eq!(deployment.expect("there").status, DeploymentStatus::Cancelled);
    let drafts = projects::Entity::find()
        .filter(projects::Column::UserId.eq(ada.id))
        .filter(projects::Column::Status.eq(ProjectStatus::Generating));
    assert_eq!(drafts.count(db).await.expect("counted"), 0);
    assert_eq!(recorded(&fixture).await, [json!({"cancelled": 3, "stopping": 0})]);

    set_active(&fixture, ada.id, false).await;
    fixture.work().await;

    assert_eq!(recorded(&fixture).await.len(), 1, "not recorded twice");
    assert_eq!(fixture.credits(ada.id).await, 10, "not paid back twice");
    let told = notices(&fixture);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("3 generations and deployments were stopped"), "{}", told[0]);
    assert!(fixture.subjects_to("ada@example.org").iter().any(|subject| subject.contains("Welcome")));
    assert_eq!(state(&fixture, bobs.id).await, JobState::Succeeded, "nobody else's");
}

#[tokio::test]
async fn a_deactivation_asks_running_jobs_to_stop() {
    let never = Arc::new(Notify::new());
    let fixture = Fixture::with_script([ScriptedCompletion::Waits(never, Box::new(good()))]).await;
    let ada = fixture.register("ada@example.org").await;
    let job = generate(&fixture, ada.id).await;

    let deactivate = async {
        fixture.model.wait_for_requests(1).await;
        set_active(&fixture, ada.id, false).await;
    };
    tokio::join!(fixture.work(), deactivate);

    assert_eq!(state(&fixture, job.id).await, JobState::Cancelled);
    assert_eq!(fixture.credits(ada.id).await, 10);
    assert_eq!(recorded(&fixture).await, [json!({"cancelled": 0, "stopping": 1})]);
}

#[tokio::test]
async fn a_deactivation_during_claims_leaves_no_job_and_correct_credits() {
    for _ in 0..5 {
        let fixture = Fixture::with_script([good(), good(), good(), good()]).await;
        let ada = fixture.register("ada@example.org").await;
        let mut jobs = Vec::new();
        for _ in 0..4 {
            jobs.push(generate(&fixture, ada.id).await.id);
        }

        tokio::join!(
            fixture.work(),
            set_active(&fixture, ada.id, false),
            set_active(&fixture, ada.id, false)
        );
        fixture.work().await;

        let mut succeeded = 0;
        for job in jobs {
            match state(&fixture, job).await {
                JobState::Succeeded => succeeded += 1,
                state => assert_eq!(state, JobState::Cancelled),
            }
        }
        assert_eq!(fixture.credits(ada.id).await, 10 - 2 * succeeded);
        assert_eq!((recorded(&fixture).await.len(), notices(&fixture).len()), (1, 1));
    }
}

#[tokio::test]
async fn a_job_of_a_concurrent_request_is_cancelled_when_it_starts() {
    let fixture = Fixture::with_script([]).await;
    let ada = fixture.register("ada@example.org").await;
    set_active(&fixture, ada.id, false).await;
    let (job, (_, publishing)) = (generate(&fixture, ada.id).await, deploy(&fixture, ada.id).await);

    fixture.work().await;

    for id in [job.id, publishing.id] {
        let job = fixture.job(id).await;
        assert_eq!(job.state, JobState::Cancelled);
        assert_eq!(job.error.expect("a reason")["message"], "the account is deactivated");
    }
    assert_eq!(fixture.credits(ada.id).await, 10);
    assert!(fixture.model.requests().is_empty(), "no model was asked");
}

#[tokio::test]
async fn a_deactivation_that_is_refused_stops_nothing() {
    let fixture = Fixture::new().await;
    let registration = Fixture::registration("root@example.org");
    let root = fixture.services.foundation.identity.ensure_admin(&Actor::anonymous(), registration).await;
    let root = root.expect("an admin").0.id;
    let project = fixture.create_project(root, ProjectKind::WebApp).await;
    let changes = AccountChanges { is_active: Some(false), ..AccountChanges::default() };
    let tx = fixture.services.queue.begin().await.expect("a transaction");
    credits::adjust(&tx, root, 10, "for a test").await.expect("adjusted");
    tx.commit().await.expect("committed");
    let job = fixture.generate(root, project.id, None).await;

    let refused =
        fixture.services.foundation.identity.change_account(&Actor::anonymous(), root, changes).await;

    assert!(matches!(refused, Err(IdentityError::LastAdmin)), "{refused:?}");
    assert_eq!(state(&fixture, job.id).await, JobState::Available);
}
