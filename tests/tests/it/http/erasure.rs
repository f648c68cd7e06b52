//! The erasure of an account removes all data that names its person.

use atelier_entities::{
    JobState, audit_archives, audit_log, audit_loose_objects, job_attempts, jobs, mail_suppressions,
};
use atelier_providers::object_store::{ObjectStoreOptions, Objects};
use atelier_tests::{AppSetup, PASSWORD, Person, TestApp, until};
use chrono::TimeDelta;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

/// Kinds whose jobs contain the id of an erased account, and no other personal data.
const ERASURES: [&str; 2] = ["account.erase", "maintenance.erase_archived"];

/// Everything outside the rows of an account that may contain an address or an id.
async fn other_texts(app: &TestApp) -> String {
    let db = app.db();
    let jobs = jobs::Entity::find().all(db).await.expect("a database");
    let jobs: Vec<_> = jobs.into_iter().filter(|job| !ERASURES.contains(&job.kind.as_str())).collect();
    let attempts = job_attempts::Entity::find().all(db).await.expect("a database");
    let held = mail_suppressions::Entity::find().all(db).await.expect("a database");
    let entries = audit_log::Entity::find().all(db).await.expect("a database");
    format!("{jobs:?} {attempts:?} {held:?} {entries:?} {}", archives(app).await)
}

/// The text of every archive.
async fn archives(app: &TestApp) -> String {
    let folder = app.settings.storage_dir().expect("a folder");
    let objects = Objects::open(&ObjectStoreOptions::Folder(folder)).expect("a store");
    let mut text = String::new();
    for key in objects.list_prefix("audit").await.expect("listed") {
        // Another archive may replace it at this moment.
        if let Some((bytes, _)) = objects.get(&key).await.expect("read") {
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    text
}

/// Creates audit entries of a person, and moves all entries to the archive.
async fn archive(app: &TestApp, person: &Person) {
    for name in ["Ada King", "Ada Byron", "Ada Lovelace"] {
        let change = json!({"full_name": name});
        let _done = person.client.call("PUT", "/api/users/me").json(&change).send().await.expect(200);
    }
    let old = Expr::value(app.queue().now() - TimeDelta::days(400));
    let age = audit_log::Entity::update_many().col_expr(audit_log::Column::CreatedAt, old.clone());
    age.exec(app.db()).await.expect("a database");
    let age = atelier_entities::users::Entity::update_many();
    age.col_expr(atelier_entities::users::Column::CreatedAt, old).exec(app.db()).await.expect("a database");
    app.platform()
        .services
        .foundation
        .audit
        .start_cleanup(&atelier_foundation::Actor::platform(), Some(300))
        .await
        .expect("started");
    until("the archive is written", async || {
        audit_archives::Entity::find().one(app.db()).await.expect("a database")
    })
    .await;
}

pub(super) async fn an_erasure_reaches_jobs_suppressions_and_archives(setup: AppSetup) {
    let app = setup.start().await;
    let ada = app.client().register("ada@example.org").await;
    until("the welcome is delivered", async || {
        let jobs = app.jobs_of("email.deliver").await;
        jobs.first()?.state.is_terminal().then_some(())
    })
    .await;
    let said = json!({"code": "MAIL_UNAVAILABLE", "message": "<ada@example.org>: greylisted"});
    jobs::Entity::update_many()
        .col_expr(jobs::Column::Error, Expr::value(said))
        .filter(jobs::Column::Kind.eq("email.deliver"))
        .exec(app.db())
        .await
        .expect("a database");
    let held = mail_suppressions::ActiveModel {
        address: Set("ada@example.org".to_owned()),
        reason: Set("<ada@example.org>: no such user".to_owned()),
        created_at: Set(app.queue().now()),
    };
    mail_suppressions::Entity::insert(held).exec_without_returning(app.db()).await.expect("a database");
    archive(&app, &ada).await;
    let before = other_texts(&app).await;
    assert!(before.contains("ada@example.org") && before.contains(&ada.id));

    let password = json!({"password": PASSWORD});
    let _gone = ada.client.call("DELETE", "/api/users/me").json(&password).send().await.expect(200);

    until("the archives are rewritten", async || {
        let job = app.jobs_of("maintenance.erase_archived").await.into_iter().next()?;
        (job.state == JobState::Succeeded).then_some(())
    })
    .await;
    let after = other_texts(&app).await;
    assert!(!after.contains("ada@example.org") && !after.contains(&ada.id), "{after}");
    assert!(archives(&app).await.contains("account.update"), "the event itself is still recorded");
    let note = audit_archives::Entity::find().one(app.db()).await.expect("a database").expect("a note");
    let loose = audit_loose_objects::Entity::find().all(app.db()).await.expect("a database");
    assert!(loose.iter().all(|object| object.is_doomed && object.object_key != note.object_key), "{loose:?}");
    app.finish().await;
}
