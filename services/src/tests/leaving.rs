//! A closed account is invisible to everybody. Its erasure finishes even if it is
//! interrupted.

use atelier_builder::deployments::DeploymentInput;
use atelier_entities::{
    JobState, ProjectKind, UserId, account_erasures, jobs, project_versions, published_sites,
    sign_in_failures, users,
};
use atelier_foundation::{
    Actor, Page,
    identity::{AccountChanges, IdentityError},
    mail::OutboxFilter,
    testing::acting,
};
use atelier_queue::{
    QueueError,
    inspect::{BulkAction, JobFilter},
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use crate::{
    JobControlError,
    admin::{AccountFilter, AccountOrder, AccountSort, AdminError},
    stats::Totals,
    testing::Fixture,
};

const FIRST: Page = Page { number: 1, size: 20 };

/// A person with a live site.
async fn publisher(fixture: &Fixture) -> users::Model {
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    fixture.store_version(&project, 1, &[("index.html", "<p>Books</p>")]).await;
    let site = DeploymentInput { platform: "preview".to_owned(), version: Some(1) };
    let deployments = &fixture.services.builder.deployments;
    deployments.start(&acting(ada.id), project.id, site).await.expect("started");
    fixture.work().await;
    ada
}

async fn close(fixture: &Fixture, user: UserId) {
    fixture.services.foundation.identity.erase_account(&acting(user), user).await.expect("closed");
}

async fn totals(fixture: &Fixture) -> (i64, Totals) {
    let stats = &fixture.services.stats;
    stats.compute(fixture.services.queue.now()).await.expect("computed");
    let row = stats.get().await.expect("a row");
    (row.total_users + row.total_apps + row.projects_created_today, Totals::of(&row))
}

#[tokio::test]
async fn a_closed_account_is_met_by_nobody() {
    let fixture = Fixture::new().await;
    let ada = publisher(&fixture).await;
    let who = fixture.sign_in("ada@example.org").await;
    let (identity, db) = (&fixture.services.foundation.identity, fixture.services.queue.db());
    assert_eq!(published_sites::Entity::find().count(db).await.expect("counted"), 1);

    close(&fixture, ada.id).await;

    assert_eq!(published_sites::Entity::find().count(db).await.expect("counted"), 0);
    let signed_out = identity.authenticate_again(&who).await;
    assert!(matches!(signed_out, Err(IdentityError::InvalidToken)), "{signed_out:?}");
    let login = identity.login(&Actor::anonymous(), "ada@example.org", "correct horse").await;
    assert!(matches!(login.err(), Some(IdentityError::BadCredentials)));
    assert!(matches!(identity.get_own_account(&acting(ada.id)).await, Err(IdentityError::NotFound)));
    let change = identity.change_account(&Actor::anonymous(), ada.id, AccountChanges::default()).await;
    assert!(matches!(change, Err(IdentityError::NotFound)), "{change:?}");
    let again = identity.erase_account(&Actor::anonymous(), ada.id).await;
    assert!(matches!(again, Err(IdentityError::NotFound)), "{again:?}");
    let order = AccountOrder { by: AccountSort::CreatedAt, descending: true };
    let listed = fixture.services.admin.list_accounts(&AccountFilter::default(), order, FIRST).await;
    assert_eq!(listed.expect("listed").1, 0);
    assert!(matches!(fixture.services.admin.get_account(ada.id).await, Err(AdminError::NotFound)));
    let mails = fixture.services.foundation.mail.list_outbox(&OutboxFilter::default(), FIRST).await;
    assert_eq!(mails.expect("listed").1, 0);
    let (figures, totals) = totals(&fixture).await;
    assert_eq!((figures, totals), (0, Totals::default()));
    assert_eq!(users::Entity::find().count(db).await.expect("counted"), 1, "not erased yet");
}

#[tokio::test]
async fn jobs_of_a_closed_account_are_there_for_no_operator() {
    let fixture = Fixture::new().await;
    let (ada, services) = (publisher(&fixture).await, &fixture.services);
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    let job = fixture.generate(ada.id, project.id, None).await;
    let operator = Actor::platform();
    let of_ada = || JobFilter { owner: Some(ada.id), ..JobFilter::default() };
    assert!(services.get_job(&operator, job.id).await.is_ok());
    let maintenance = &services.maintenance;
    let count = async |action| maintenance.count_bulk_action(action, of_ada()).await.expect("counted");
    assert_eq!(count(BulkAction::Cancel).await, 1);

    close(&fixture, ada.id).await;

    let met = [
        services.get_job(&operator, job.id).await,
        services.cancel_job(&operator, job.id).await,
        services.retry_job(&operator, job.id).await,
    ];
    for met in met {
        assert!(matches!(met, Err(JobControlError::Queue(QueueError::NotFound))), "{met:?}");
    }
    assert_eq!(services.list_all_jobs(of_ada(), FIRST).await.expect("listed").1, 0);
    assert_eq!(count(BulkAction::Cancel).await, 0);
    let steering = maintenance.start_bulk_action(&operator, BulkAction::Cancel, of_ada());
    let steering = steering.await.expect("started");
    fixture.finish_erasures().await;
    fixture.work().await;
    let result = fixture.job(steering.id).await.result.expect("a result");
    assert_eq!((&result["done"], &result["skipped"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn the_address_of_a_closed_account_is_free_at_once() {
    let fixture = Fixture::new().await;
    let ada = publisher(&fixture).await;
    let mailed = fixture.mailer.mails().len();

    close(&fixture, ada.id).await;
    let other = fixture.register("ada@example.org").await;
    fixture.finish_erasures().await;

    assert_ne!(other.id, ada.id);
    let left = users::Entity::find().all(fixture.services.queue.db()).await.expect("listed");
    assert_eq!(left.into_iter().map(|user| user.id).collect::<Vec<_>>(), [other.id]);
    fixture.work().await;
    assert_eq!(fixture.mailer.mails().len(), mailed + 1, "one welcome");
}

#[tokio::test]
async fn waiting_jobs_of_a_closed_account_never_run() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    fixture.generate(ada.id, project.id, None).await;

    close(&fixture, ada.id).await;
    fixture.work().await;
    fixture.finish_erasures().await;

    assert!(fixture.model.requests().is_empty() && fixture.mailer.mails().is_empty());
    let failures = sign_in_failures::Entity::find().count(fixture.services.queue.db()).await;
    assert_eq!(failures.expect("counted"), 0);
}

#[tokio::test]
async fn the_job_of_an_erasure_reports_the_erased_rows() {
    let fixture = Fixture::new().await;
    let ada = publisher(&fixture).await;
    close(&fixture, ada.id).await;
    let job = fixture.jobs_of_kind("account.erase").await.remove(0);
    assert_eq!((job.owner_id, job.args), (None, serde_json::json!({"user_id": ada.id})));

    fixture.finish_erasures().await;

    let job = fixture.job(job.id).await;
    assert_eq!(job.state, JobState::Succeeded);
    let result = job.result.expect("a result");
    for part in ["jobs", "projects", "versions", "deployments", "mails", "credits", "accounts", "audit_log"] {
        assert!(result["by_part"][part].as_u64().is_some_and(|rows| rows > 0), "{part}: {result}");
    }
}

#[tokio::test]
async fn an_erasure_that_was_cut_short_is_finished_by_the_next_attempt() {
    let fixture = Fixture::new().await;
    let ada = publisher(&fixture).await;
    close(&fixture, ada.id).await;
    // The state after an attempt that died.
    let db = fixture.services.queue.db();
    let versions = project_versions::Entity::delete_many().exec(db).await.expect("deleted");
    let of_ada = jobs::Entity::delete_many().filter(jobs::Column::OwnerId.eq(ada.id));
    assert!(of_ada.exec(db).await.expect("deleted").rows_affected > 0 && versions.rows_affected > 0);

    fixture.finish_erasures().await;

    assert_eq!(users::Entity::find().count(db).await.expect("counted"), 0);
    assert_eq!(account_erasures::Entity::find().count(db).await.expect("counted"), 0);
}
