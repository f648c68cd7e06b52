use atelier_entities::{
    AuditLevel, ProjectKind, account_tokens, audit_log, credit_transactions, deployments, mail_messages,
    project_versions, projects, sessions, sign_in_failures, users,
};
use sea_orm::PaginatorTrait;

use super::*;
use crate::{deployments::DeploymentInput, testing::Bench};

async fn sign_in(bench: &Bench, email: &str) -> Authenticated {
    let identity = &bench.services.identity;
    let signed_in = identity.login(&Caller::default(), email, "correct horse").await.expect("in");
    identity.authenticate(&signed_in.access_token).await.expect("authenticated")
}

fn caller(user: UserId) -> Caller {
    Caller { user: Some(user), ip: Some("192.0.2.1".to_owned()), ..Caller::default() }
}

async fn rows_of_anybody(bench: &Bench) -> u64 {
    let db = bench.services.queue.db();
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
    let bench = Bench::new().await;
    let ada = bench.register("ada@example.org").await;
    let project = bench.create_project(ada.id, ProjectKind::WebApp).await;
    bench.store_version(&project, 1, &[("index.html", "<p>Books</p>")]).await;
    let site = DeploymentInput { platform: "preview".to_owned(), version: Some(1) };
    let (deployment, _) =
        bench.services.deployments.start(&caller(ada.id), ada.id, project.id, site).await.expect("started");
    bench.generate(ada.id, project.id, Some("Add a shelf for Ada's diary")).await;
    let who = sign_in(&bench, "ada@example.org").await;

    bench.services.identity.delete_account(&caller(ada.id), &who, "correct horse").await.expect("deleted");

    assert_eq!(rows_of_anybody(&bench).await, 0);
    let removal = bench.jobs_of_kind("maintenance.remove_objects").await;
    let prefixes: Vec<String> = removal
        .iter()
        .flat_map(|job| {
            serde_json::from_value::<Vec<String>>(job.args["prefixes"].clone()).expect("prefixes")
        })
        .collect();
    assert!(prefixes.contains(&format!("zips/{}", project.id)), "{prefixes:?}");
    assert!(prefixes.contains(&format!("sites/{}", deployment.id)), "{prefixes:?}");
    let left = jobs::Entity::find().all(bench.services.queue.db()).await.expect("listed");
    assert!(left.iter().all(|job| job.owner_id.is_none() && !job.args.to_string().contains("diary")));
    bench.work().await;
}

#[tokio::test]
async fn the_audit_log_keeps_an_anonymous_line() {
    let bench = Bench::new().await;
    let ada = bench.register("ada@example.org").await;
    let who = sign_in(&bench, "ada@example.org").await;
    bench.services.identity.delete_account(&caller(ada.id), &who, "correct horse").await.expect("deleted");

    let entries = audit_log::Entity::find().all(bench.services.queue.db()).await.expect("listed");

    let last = entries.iter().find(|entry| entry.action == "account.delete").expect("a line");
    assert_eq!((last.level, last.target.as_deref()), (AuditLevel::Warning, None));
    assert!(entries.iter().all(|entry| entry.actor_id.is_none() && entry.ip.is_none()));
    assert!(entries.iter().all(|entry| !format!("{entry:?}").contains(&ada.id.to_string())), "{entries:?}");
}

#[tokio::test]
async fn the_password_is_asked_for_and_nothing_happens_without() {
    let bench = Bench::new().await;
    let ada = bench.register("ada@example.org").await;
    let who = sign_in(&bench, "ada@example.org").await;

    let refused = bench.services.identity.delete_account(&caller(ada.id), &who, "wrong horse").await;

    assert!(matches!(refused, Err(IdentityError::WrongPassword)));
    assert!(bench.services.identity.get_user(ada.id).await.is_ok());
}

#[tokio::test]
async fn an_account_without_a_password_is_deleted_by_a_recent_sign_in() {
    let bench = Bench::new().await;
    let ada = bench.register("ada@example.org").await;
    let old = sign_in(&bench, "ada@example.org").await;
    bench.advance(601);
    let fresh = sign_in(&bench, "ada@example.org").await;
    let without = users::ActiveModel { password_hash: Set(None), ..Default::default() };
    let of_ada = users::Entity::update_many().set(without).filter(users::Column::Id.eq(ada.id));
    of_ada.exec(bench.services.queue.db()).await.expect("a database");
    let identity = &bench.services.identity;

    let refused = identity.delete_account(&caller(ada.id), &old, "").await;
    assert!(matches!(refused, Err(IdentityError::RecentSignInRequired)), "{refused:?}");
    assert!(identity.delete_account(&caller(ada.id), &fresh, "").await.is_ok());
}

#[tokio::test]
async fn the_last_admin_stays() {
    let bench = Bench::new().await;
    let identity = &bench.services.identity;
    let first = identity.ensure_admin(&Caller::default(), Bench::registration("a@example.org")).await;
    let first = first.expect("an admin").id;
    assert!(matches!(identity.erase_account(&caller(first), first).await, Err(IdentityError::LastAdmin)));

    let second = identity.ensure_admin(&Caller::default(), Bench::registration("b@example.org")).await;
    let second = second.expect("an admin").id;

    identity.erase_account(&caller(second), first).await.expect("erased");
    let entries = audit_log::Entity::find().all(bench.services.queue.db()).await.expect("listed");
    let line = entries.iter().find(|entry| entry.action == "account.delete").expect("a line");
    assert_eq!((line.actor_id, line.target.clone()), (Some(second), user_target(first)));
}
