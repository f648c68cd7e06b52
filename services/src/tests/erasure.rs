use atelier_builder::deployments::DeploymentInput;
use atelier_entities::{
    AuditLevel, JobState, ProjectKind, UserId, account_tokens, audit_log, credit_transactions, deployments,
    job_attempts, job_events, jobs, mail_messages, mail_suppressions, project_versions, projects, sessions,
    sign_in_failures, users,
};
use atelier_foundation::testing::{acting, at_address};
use atelier_foundation::{
    Actor,
    identity::{AccountChanges, IdentityError},
};
use atelier_providers::mail::{Delivery, MailError};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

use crate::testing::Fixture;

fn actor(user: UserId) -> Actor {
    at_address("192.0.2.1").identified_as(user)
}

async fn rows_of_anybody(fixture: &Fixture) -> u64 {
    let db = fixture.services.queue.db();
    let counts = [
        users::Entity::find().count(db).await,
        sessions::Entity::find().count(db).await,
        account_tokens::Entity::find().count(db).await,
        projects::Entity::find().count(db).await,
        project_versions::Entity::find().count(db).await,
        deployments::Entity::find().count(db).await,
        credit_transactions::Entity::find().count(db).await,
        mail_messages::Entity::find().count(db).await,
        sign_in_failures::Entity::find()
            .filter(sign_in_failures::Column::Key.starts_with("account"))
            .count(db)
            .await,
    ];
    counts.into_iter().map(|count| count.expect("counted")).sum()
}

#[tokio::test]
async fn deleting_an_account_leaves_nothing_of_the_person() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let project = fixture.create_project(ada.id, ProjectKind::WebApp).await;
    fixture.store_version(&project, 1, &[("index.html", "<p>Books</p>")]).await;
    let site = DeploymentInput { platform: "preview".to_owned(), version: Some(1) };
    let (deployment, _) =
        fixture.services.builder.deployments.start(&acting(ada.id), project.id, site).await.expect("started");
    fixture.generate(ada.id, project.id, Some("Add a shelf for Ada's diary")).await;
    let who = fixture.sign_in("ada@example.org").await;

    fixture.services.foundation.identity.delete_account(&who, "correct horse").await.expect("deleted");
    fixture.finish_erasures().await;

    assert_eq!(rows_of_anybody(&fixture).await, 0);
    let removal = fixture.jobs_of_kind("maintenance.remove_objects").await;
    let prefixes: Vec<String> = removal
        .iter()
        .flat_map(|job| {
            serde_json::from_value::<Vec<String>>(job.args["prefixes"].clone()).expect("prefixes")
        })
        .collect();
    assert!(prefixes.contains(&format!("zips/{}", project.id)), "{prefixes:?}");
    assert!(prefixes.contains(&format!("sites/{}", deployment.id)), "{prefixes:?}");
    let left = jobs::Entity::find().all(fixture.services.queue.db()).await.expect("listed");
    assert!(left.iter().all(|job| job.owner_id.is_none() && !job.args.to_string().contains("diary")));
    fixture.work().await;
}

#[tokio::test]
async fn the_audit_log_keeps_an_anonymous_entry_of_a_deletion() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let who = fixture.sign_in("ada@example.org").await;
    fixture.services.foundation.identity.delete_account(&who, "correct horse").await.expect("deleted");
    fixture.finish_erasures().await;

    let entries = audit_log::Entity::find().all(fixture.services.queue.db()).await.expect("listed");

    let last = entries.iter().find(|entry| entry.action == "account.delete").expect("a line");
    assert_eq!((last.level, last.target.as_deref()), (AuditLevel::Warning, None));
    assert!(entries.iter().all(|entry| entry.actor_id.is_none() && entry.ip.is_none()));
    assert!(entries.iter().all(|entry| !format!("{entry:?}").contains(&ada.id.to_string())), "{entries:?}");
}

/// The rows outside the account that may repeat a mail address.
async fn traces(fixture: &Fixture) -> String {
    let db = fixture.services.queue.db();
    let (jobs, attempts) = (jobs::Entity::find().all(db), job_attempts::Entity::find().all(db));
    let (events, held) = (job_events::Entity::find().all(db), mail_suppressions::Entity::find().all(db));
    let entries = audit_log::Entity::find().all(db);
    format!("{:?} {:?} {:?} {:?} {:?}", jobs.await, attempts.await, events.await, held.await, entries.await)
}

fn bounced(address: &str) -> Result<Delivery, MailError> {
    Err(MailError::Bounced { code: 550, message: format!("5.1.1 <{address}>: no such user") })
}

async fn change_address(fixture: &Fixture, user: UserId, email: &str) {
    let changes = AccountChanges { email: Some(email.to_owned()), ..AccountChanges::default() };
    fixture
        .services
        .foundation
        .identity
        .change_account(&Actor::anonymous(), user, changes)
        .await
        .expect("changed");
}

#[tokio::test]
async fn an_erasure_deletes_suppressions_and_addresses_in_jobs() {
    // Both addresses get a mail about the change.
    let script = ["ada@example.org", "ada@other.example", "ada@example.org", "bob@example.org"];
    let fixture = Fixture::with_mailer(script.map(bounced)).await;
    let ada = fixture.register("ada@example.org").await;
    fixture.work().await;
    change_address(&fixture, ada.id, "ada@other.example").await;
    fixture.work().await;
    let bob = fixture.register("bob@example.org").await;
    fixture.work().await;
    change_address(&fixture, bob.id, "bob@other.example").await;
    // The address now belongs to another person.
    let eve = fixture.register("eve@example.org").await;
    change_address(&fixture, eve.id, "bob@example.org").await;
    let held = mail_suppressions::Entity::find().all(fixture.services.queue.db()).await.expect("listed");
    assert_eq!(held.len(), 3, "{held:?}");
    assert!(traces(&fixture).await.contains("ada@"));

    let identity = &fixture.services.foundation.identity;
    identity.erase_account(&actor(ada.id), ada.id).await.expect("erased");
    identity.erase_account(&actor(bob.id), bob.id).await.expect("erased");
    fixture.finish_erasures().await;

    let traces = traces(&fixture).await;
    assert!(!traces.contains("ada@") && !traces.contains("bob@other"), "{traces}");
    let held = mail_suppressions::Entity::find().all(fixture.services.queue.db()).await.expect("listed");
    assert_eq!(held.into_iter().map(|row| row.address).collect::<Vec<_>>(), ["bob@example.org"]);
    let deliveries = fixture.jobs_of_kind("email.deliver").await;
    assert_eq!(deliveries.len(), 3, "those of the one who stays");
}

#[tokio::test]
async fn an_erasure_deletes_deliveries_that_wait_for_a_retry() {
    let message = "4.7.1 <ada@example.org>: greylisted".to_owned();
    let fixture = Fixture::with_mailer([Err(MailError::Transient { message })]).await;
    let ada = fixture.register("ada@example.org").await;
    fixture.work().await;
    assert_eq!(fixture.jobs_of_kind("email.deliver").await[0].state, JobState::Retrying);

    fixture.services.foundation.identity.erase_account(&actor(ada.id), ada.id).await.expect("erased");
    fixture.finish_erasures().await;

    assert!(fixture.jobs_of_kind("email.deliver").await.is_empty());
    fixture.advance(3600);
    fixture.work().await;
    assert_eq!(fixture.mailer.mails().len(), 1);
}

#[tokio::test]
async fn an_erasure_redacts_a_running_delivery() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let job = fixture.jobs_of_kind("email.deliver").await.remove(0);
    let of_job = jobs::Entity::update_many()
        .col_expr(jobs::Column::State, Expr::value(JobState::Running))
        .col_expr(jobs::Column::Error, Expr::value(json!({"message": "<ada@example.org>: greylisted"})))
        .filter(jobs::Column::Id.eq(job.id));
    of_job.exec(fixture.services.queue.db()).await.expect("a database");

    fixture.services.foundation.identity.erase_account(&actor(ada.id), ada.id).await.expect("erased");
    fixture.finish_erasures().await;

    let fence = job.fence;
    let job = fixture.job(job.id).await;
    assert!(job.cancel_requested_at.is_some() && job.error.is_none(), "{job:?}");
    assert_eq!(job.args, json!({}));
    assert!(job.fence > fence, "what its handler still writes does not count");
}

#[tokio::test]
async fn the_entry_of_a_lifted_suppression_does_not_have_the_address() {
    let fixture = Fixture::with_mailer([bounced("ada@example.org")]).await;
    let ada = fixture.register("ada@example.org").await;
    fixture.work().await;
    let lifted =
        fixture.services.foundation.mail.delete_suppression(&Actor::anonymous(), "Ada@example.org").await;
    let target = lifted.expect("lifted");

    let of_it = || audit_log::Entity::find().filter(audit_log::Column::Action.eq("mail.delete_suppression"));
    let entry = of_it().one(fixture.services.queue.db()).await.expect("asked").expect("an entry");
    assert_eq!(entry.target.as_ref(), Some(&target));
    assert!(!format!("{entry:?}").contains("ada@"), "{entry:?}");
    fixture.services.foundation.identity.erase_account(&actor(ada.id), ada.id).await.expect("erased");
    fixture.finish_erasures().await;
    let entry = of_it().one(fixture.services.queue.db()).await.expect("asked").expect("an entry");
    assert_eq!((entry.target, entry.context), (None, json!({"erased": true})));
}

#[tokio::test]
async fn an_account_is_not_deleted_without_the_password() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let who = fixture.sign_in("ada@example.org").await;

    let refused = fixture.services.foundation.identity.delete_account(&who, "wrong horse").await;

    assert!(matches!(refused, Err(IdentityError::WrongPassword)));
    assert!(fixture.services.foundation.identity.get_own_account(&acting(ada.id)).await.is_ok());
}

#[tokio::test]
async fn an_account_without_a_password_is_deleted_by_a_recent_sign_in() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let old = fixture.sign_in("ada@example.org").await;
    fixture.advance(601);
    let fresh = fixture.sign_in("ada@example.org").await;
    let without = users::ActiveModel { password_hash: Set(None), ..Default::default() };
    let of_ada = users::Entity::update_many().set(without).filter(users::Column::Id.eq(ada.id));
    of_ada.exec(fixture.services.queue.db()).await.expect("a database");
    let identity = &fixture.services.foundation.identity;

    let refused = identity.delete_account(&old, "").await;
    assert!(matches!(refused, Err(IdentityError::RecentSignInRequired)), "{refused:?}");
    assert!(identity.delete_account(&fresh, "").await.is_ok());
}

#[tokio::test]
async fn the_last_admin_stays() {
    let fixture = Fixture::new().await;
    let identity = &fixture.services.foundation.identity;
    let first = identity.ensure_admin(&Actor::anonymous(), Fixture::registration("a@example.org")).await;
    let first = first.expect("an admin").0.id;
    assert!(matches!(identity.erase_account(&actor(first), first).await, Err(IdentityError::LastAdmin)));

    let second = identity.ensure_admin(&Actor::anonymous(), Fixture::registration("b@example.org")).await;
    let second = second.expect("an admin").0.id;

    identity.erase_account(&actor(second), first).await.expect("erased");
    fixture.finish_erasures().await;
    let entries = audit_log::Entity::find().all(fixture.services.queue.db()).await.expect("listed");
    let line = entries.iter().find(|entry| entry.action == "account.delete").expect("a line");
    assert_eq!((line.actor_id, line.target.clone()), (Some(second), Some(format!("user:{first}"))));
}
