//! The jobs of deactivated people.

use atelier_entities::{JobState, MailStatus, audit_log, jobs, mail_messages, users};
use atelier_tests::{AppSetup, Client, Completion, FakeOpenAi, Person, TestApp, job_id, until};
use futures::future::join_all;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

/// A client of an administrator.
async fn operator(app: &TestApp) -> Client {
    let person = app.client().register("root@example.org").await;
    let right = users::ActiveModel { is_admin: Set(true), ..Default::default() };
    let of_them = users::Entity::update_many().set(right).filter(users::Column::Email.eq(&person.email));
    of_them.exec(app.db()).await.expect("a database");
    person.client
}

async fn deactivate(root: &Client, person: &Person) {
    let path = format!("/api/admin/users/{}/deactivate", person.id);
    let _deactivated = root.call("PATCH", &path).send().await.expect(200);
}

async fn balance(root: &Client, person: &Person) -> i64 {
    let account = root.get(&format!("/api/admin/users/{}", person.id)).send().await.expect(200).json();
    account["user"]["credits"].as_i64().unwrap_or_else(|| panic!("{account}"))
}

/// The audit entries of deactivations, with what they stopped.
async fn recorded(app: &TestApp) -> Vec<Value> {
    let found = audit_log::Entity::find().filter(audit_log::Column::Action.eq("account.deactivate"));
    let found = found.all(app.db()).await.expect("a database");
    found.into_iter().map(|entry| entry.context["jobs"].clone()).collect()
}

/// Waits until all generations have ended, and returns them.
async fn ended(app: &TestApp) -> Vec<jobs::Model> {
    until("every generation has ended", async || {
        let found = app.jobs_of("generation.run").await;
        found.iter().all(|job| job.state.is_terminal()).then_some(found)
    })
    .await
}

async fn notices(app: &TestApp) -> Vec<MailStatus> {
    let mails = mail_messages::Entity::find();
    let mails = mails.filter(mail_messages::Column::Template.eq("account_deactivated"));
    mails.all(app.db()).await.expect("a database").into_iter().map(|mail| mail.status).collect()
}

pub(super) async fn waiting_and_running_generations_are_stopped_and_refunded(setup: AppSetup) {
    let model = FakeOpenAi::start([Completion::Stall(Vec::new())]).await;
    let setup = setup.with_model(&model).with(|settings| settings.queue.concurrency.generation = 1);
    let app = setup.start().await;
    let root = operator(&app).await;
    let ada = app.client().register("ada@example.org").await;
    let (one, two) = (ada.create_project("One").await, ada.create_project("Two").await);
    let running = ada.start_generation(&one).await;
    ada.job_in_stage(&running, "writing").await;
    let _waiting = ada.start_generation(&two).await;

    deactivate(&root, &ada).await;
    deactivate(&root, &ada).await;

    let jobs = ended(&app).await;
    assert!(jobs.iter().all(|job| job.state == JobState::Cancelled), "{jobs:?}");
    assert_eq!((jobs.len(), balance(&root, &ada).await), (2, 10));
    assert_eq!(recorded(&app).await, [json!({"cancelled": 1, "stopping": 1})]);
    until("the person is notified once", async || {
        (notices(&app).await == [MailStatus::Captured]).then_some(())
    })
    .await;
    app.finish().await;
}

pub(super) async fn concurrent_claims_lose_no_credit(setup: AppSetup) {
    let app = setup.start().await;
    let root = operator(&app).await;
    let ada = app.client().register("ada@example.org").await;
    let projects = join_all((0..5).map(|_| ada.create_project("Reading list"))).await;
    let (first, others) = projects.split_first().expect("projects");
    let first = job_id(&ada.generate(first).await.expect(202));

    let starts = join_all(others.iter().map(|project| ada.generate(project)));
    let (started, ..) = tokio::join!(starts, deactivate(&root, &ada), deactivate(&root, &ada));

    let accepted = started.iter().filter(|reply| reply.status == 202).count();
    let jobs = ended(&app).await;
    assert_eq!(jobs.len(), accepted + 1, "{first} and those that were accepted");
    let succeeded = jobs.iter().filter(|job| job.state == JobState::Succeeded).count();
    let cancelled = jobs.iter().filter(|job| job.state == JobState::Cancelled).count();
    assert_eq!(succeeded + cancelled, jobs.len(), "{jobs:?}");
    let spent = i64::try_from(2 * succeeded).expect("a few");
    assert_eq!(balance(&root, &ada).await, 10 - spent);
    assert_eq!(recorded(&app).await.len(), 1);
    app.finish().await;
}
