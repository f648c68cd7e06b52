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

use crate::testing::{Bench, GOOD_COMPLETION};

fn good() -> ScriptedCompletion {
    ScriptedCompletion::Text(GOOD_COMPLETION.to_owned())
}

async fn set_active(bench: &Bench, user: UserId, is_active: bool) {
    let changes = AccountChanges { is_active: Some(is_active), ..AccountChanges::default() };
    bench
        .services
        .foundation
        .identity
        .change_account(&Actor::anonymous(), user, changes)
        .await
        .expect("changed");
}

/// Starts a generation of a new project.
async fn generate(bench: &Bench, user: UserId) -> jobs::Model {
    let project = bench.create_project(user, ProjectKind::WebApp).await;
    bench.generate(user, project.id, None).await
}

async fn deploy(bench: &Bench, user: UserId) -> (deployments::Model, jobs::Model) {
    let project = bench.create_project(user, ProjectKind::WebApp).await;
    bench.store_version(&project, 1, &[("index.html", "<p>Books</p>")]).await;
    let input = DeploymentInput { platform: "preview".to_owned(), version: Some(1) };
    bench.services.builder.deployments.start(&acting(user), project.id, input).await.expect("started")
}

async fn recorded(bench: &Bench) -> Vec<Value> {
    let found = audit_log::Entity::find().filter(audit_log::Column::Action.eq("account.deactivate"));
    let found = found.order_by_asc(audit_log::Column::Id).all(bench.services.queue.db()).await;
    found.expect("listed").into_iter().map(|entry| entry.context["jobs"].clone()).collect()
}

async fn state(bench: &Bench, job: JobId) -> JobState {
    bench.job(job).await.state
}

fn notices(bench: &Bench) -> Vec<String> {
    let mails = bench.mailer.mails().into_iter();
    mails.filter(|mail| mail.subject == "Your account was deactivated").map(|mail| mail.text).collect()
}

#[tokio::test]
async fn a_deactivation_cancels_and_refunds_waiting_jobs_and_mails_the_person_once() {
    let bench = Bench::with_script([good()]).await;
    let (ada, bob) = (bench.register("ada@example.org").await, bench.register("bob@example.org").await);
    let (one, two) = (generate(&bench, ada.id).await, generate(&bench, ada.id).await);
    let (deployment, publishing) = deploy(&bench, ada.id).await;
    let bobs = generate(&bench, bob.id).await;
    assert_eq!(bench.credits(ada.id).await, 6);

    set_active(&bench, ada.id, false).await;

    for job in [one.id, two.id, publishing.id] {
        assert_eq!(state(&bench, job).await, JobState::Cancelled);
    }
    assert_eq!(bench.credits(ada.id).await, 10);
    let db = bench.services.queue.db();
    let deployment = deployments::Entity::find_by_id(deployment.id).one(db).await.expect("asked");
    assert_eq!(deployment.expect("there").status, DeploymentStatus::Cancelled);
    let drafts = projects::Entity::find()
        .filter(projects::Column::UserId.eq(ada.id))
        .filter(projects::Column::Status.eq(ProjectStatus::Generating));
    assert_eq!(drafts.count(db).await.expect("counted"), 0);
    assert_eq!(recorded(&bench).await, [json!({"cancelled": 3, "stopping": 0})]);

    set_active(&bench, ada.id, false).await;
    bench.work().await;

    assert_eq!(recorded(&bench).await.len(), 1, "not recorded twice");
    assert_eq!(bench.credits(ada.id).await, 10, "not paid back twice");
    let told = notices(&bench);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("3 generations and deployments were stopped"), "{}", told[0]);
    assert!(bench.subjects_to("ada@example.org").iter().any(|subject| subject.contains("Welcome")));
    assert_eq!(state(&bench, bobs.id).await, JobState::Succeeded, "nobody else's");
}

#[tokio::test]
async fn a_deactivation_asks_running_jobs_to_stop() {
    let never = Arc::new(Notify::new());
    let bench = Bench::with_script([ScriptedCompletion::Waits(never, Box::new(good()))]).await;
    let ada = bench.register("ada@example.org").await;
    let job = generate(&bench, ada.id).await;

    let deactivate = async {
        bench.model.wait_for_requests(1).await;
        set_active(&bench, ada.id, false).await;
    };
    tokio::join!(bench.work(), deactivate);

    assert_eq!(state(&bench, job.id).await, JobState::Cancelled);
    assert_eq!(bench.credits(ada.id).await, 10);
    assert_eq!(recorded(&bench).await, [json!({"cancelled": 0, "stopping": 1})]);
}

#[tokio::test]
async fn a_deactivation_during_claims_leaves_no_job_and_correct_credits() {
    for _ in 0..5 {
        let bench = Bench::with_script([good(), good(), good(), good()]).await;
        let ada = bench.register("ada@example.org").await;
        let mut jobs = Vec::new();
        for _ in 0..4 {
            jobs.push(generate(&bench, ada.id).await.id);
        }

        tokio::join!(bench.work(), set_active(&bench, ada.id, false), set_active(&bench, ada.id, false));
        bench.work().await;

        let mut succeeded = 0;
        for job in jobs {
            match state(&bench, job).await {
                JobState::Succeeded => succeeded += 1,
                state => assert_eq!(state, JobState::Cancelled),
            }
        }
        assert_eq!(bench.credits(ada.id).await, 10 - 2 * succeeded);
        assert_eq!((recorded(&bench).await.len(), notices(&bench).len()), (1, 1));
    }
}

#[tokio::test]
async fn a_job_of_a_concurrent_request_is_cancelled_when_it_starts() {
    let bench = Bench::with_script([]).await;
    let ada = bench.register("ada@example.org").await;
    set_active(&bench, ada.id, false).await;
    let (job, (_, publishing)) = (generate(&bench, ada.id).await, deploy(&bench, ada.id).await);

    bench.work().await;

    for id in [job.id, publishing.id] {
        let job = bench.job(id).await;
        assert_eq!(job.state, JobState::Cancelled);
        assert_eq!(job.error.expect("a reason")["message"], "the account is deactivated");
    }
    assert_eq!(bench.credits(ada.id).await, 10);
    assert!(bench.model.requests().is_empty(), "no model was asked");
}

#[tokio::test]
async fn a_deactivation_that_is_refused_stops_nothing() {
    let bench = Bench::new().await;
    let registration = Bench::registration("root@example.org");
    let root = bench.services.foundation.identity.ensure_admin(&Actor::anonymous(), registration).await;
    let root = root.expect("an admin").0.id;
    let project = bench.create_project(root, ProjectKind::WebApp).await;
    let changes = AccountChanges { is_active: Some(false), ..AccountChanges::default() };
    let tx = bench.services.queue.begin().await.expect("a transaction");
    credits::adjust(&tx, root, 10, "for a test").await.expect("adjusted");
    tx.commit().await.expect("committed");
    let job = bench.generate(root, project.id, None).await;

    let refused = bench.services.foundation.identity.change_account(&Actor::anonymous(), root, changes).await;

    assert!(matches!(refused, Err(IdentityError::LastAdmin)), "{refused:?}");
    assert_eq!(state(&bench, job.id).await, JobState::Available);
}
