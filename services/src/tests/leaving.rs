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
    testing::Bench,
};

const FIRST: Page = Page { number: 1, size: 20 };

/// A person with a live site.
async fn publisher(bench: &Bench) -> users::Model {
    let ada = bench.register("ada@example.org").await;
    let project = bench.create_project(ada.id, ProjectKind::WebApp).await;
    bench.store_version(&project, 1, &[("index.html", "<p>Books</p>")]).await;
    let site = DeploymentInput { platform: "preview".to_owned(), version: Some(1) };
    let deployments = &bench.services.builder.deployments;
    deployments.start(&acting(ada.id), project.id, site).await.expect("started");
    bench.work().await;
    ada
}

async fn close(bench: &Bench, user: UserId) {
    bench.services.foundation.identity.erase_account(&acting(user), user).await.expect("closed");
}

async fn totals(bench: &Bench) -> (i64, Totals) {
    let stats = &bench.services.stats;
    stats.compute(bench.services.queue.now()).await.expect("computed");
    let row = stats.get().await.expect("a row");
    (row.total_users + row.total_apps + row.projects_created_today, Totals::of(&row))
}

#[tokio::test]
async fn a_closed_account_is_met_by_nobody() {
    let bench = Bench::new().await;
    let ada = publisher(&bench).await;
    let who = bench.sign_in("ada@example.org").await;
    let (identity, db) = (&bench.services.foundation.identity, bench.services.queue.db());
    assert_eq!(published_sites::Entity::find().count(db).await.expect("counted"), 1);

    close(&bench, ada.id).await;

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
    let listed = bench.services.admin.list_accounts(&AccountFilter::default(), order, FIRST).await;
    assert_eq!(listed.expect("listed").1, 0);
    assert!(matches!(bench.services.admin.get_account(ada.id).await, Err(AdminError::NotFound)));
    let mails = bench.services.foundation.mail.list_outbox(&OutboxFilter::default(), FIRST).await;
    assert_eq!(mails.expect("listed").1, 0);
    let (figures, totals) = totals(&bench).await;
    assert_eq!((figures, totals), (0, Totals::default()));
    assert_eq!(users::Entity::find().count(db).await.expect("counted"), 1, "not erased yet");
}

#[tokio::test]
async fn jobs_of_a_closed_account_are_there_for_no_operator() {
    let bench = Bench::new().await;
    let (ada, services) = (publisher(&bench).await, &bench.services);
    let project = bench.create_project(ada.id, ProjectKind::WebApp).await;
    let job = bench.generate(ada.id, project.id, None).await;
    let operator = Actor::platform();
    let of_ada = || JobFilter { owner: Some(ada.id), ..JobFilter::default() };
    assert!(services.get_job(&operator, job.id).await.is_ok());
    let maintenance = &services.maintenance;
    let count = async |action| maintenance.count_bulk_action(action, of_ada()).await.expect("counted");
    assert_eq!(count(BulkAction::Cancel).await, 1);

    close(&bench, ada.id).await;

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
    bench.finish_erasures().await;
    bench.work().await;
    let result = bench.job(steering.id).await.result.expect("a result");
    assert_eq!((&result["done"], &result["skipped"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn the_address_of_a_closed_account_is_free_at_once() {
    let bench = Bench::new().await;
    let ada = publisher(&bench).await;
    let mailed = bench.mailer.mails().len();

    close(&bench, ada.id).await;
    let other = bench.register("ada@example.org").await;
    bench.finish_erasures().await;

    assert_ne!(other.id, ada.id);
    let left = users::Entity::find().all(bench.services.queue.db()).await.expect("listed");
    assert_eq!(left.into_iter().map(|user| user.id).collect::<Vec<_>>(), [other.id]);
    bench.work().await;
    assert_eq!(bench.mailer.mails().len(), mailed + 1, "one welcome");
}

#[tokio::test]
async fn waiting_jobs_of_a_closed_account_never_run() {
    let bench = Bench::new().await;
    let ada = bench.register("ada@example.org").await;
    let project = bench.create_project(ada.id, ProjectKind::WebApp).await;
    bench.generate(ada.id, project.id, None).await;

    close(&bench, ada.id).await;
    bench.work().await;
    bench.finish_erasures().await;

    assert!(bench.model.requests().is_empty() && bench.mailer.mails().is_empty());
    let failures = sign_in_failures::Entity::find().count(bench.services.queue.db()).await;
    assert_eq!(failures.expect("counted"), 0);
}

#[tokio::test]
async fn the_job_of_an_erasure_reports_the_erased_rows() {
    let bench = Bench::new().await;
    let ada = publisher(&bench).await;
    close(&bench, ada.id).await;
    let job = bench.jobs_of_kind("account.erase").await.remove(0);
    assert_eq!((job.owner_id, job.args), (None, serde_json::json!({"user_id": ada.id})));

    bench.finish_erasures().await;

    let job = bench.job(job.id).await;
    assert_eq!(job.state, JobState::Succeeded);
    let result = job.result.expect("a result");
    for part in ["jobs", "projects", "versions", "deployments", "mails", "credits", "accounts", "audit_log"] {
        assert!(result["by_part"][part].as_u64().is_some_and(|rows| rows > 0), "{part}: {result}");
    }
}

#[tokio::test]
async fn an_erasure_that_was_cut_short_is_finished_by_the_next_attempt() {
    let bench = Bench::new().await;
    let ada = publisher(&bench).await;
    close(&bench, ada.id).await;
    // The state after an attempt that died.
    let db = bench.services.queue.db();
    let versions = project_versions::Entity::delete_many().exec(db).await.expect("deleted");
    let of_ada = jobs::Entity::delete_many().filter(jobs::Column::OwnerId.eq(ada.id));
    assert!(of_ada.exec(db).await.expect("deleted").rows_affected > 0 && versions.rows_affected > 0);

    bench.finish_erasures().await;

    assert_eq!(users::Entity::find().count(db).await.expect("counted"), 0);
    assert_eq!(account_erasures::Entity::find().count(db).await.expect("counted"), 0);
}
