//! Mail through a real server that accepts it, rejects it temporarily, or rejects it.

mod content;
mod protected;
mod refused;

use atelier_entities::{JobState, MailId, MailStatus, mail_messages, users};
use atelier_foundation::mail::queue_content;
use atelier_screentime::mail::DailyReminder;
use atelier_tests::{AppSetup, Client, PASSWORD, ReceivedMail, SmtpMode, SmtpServer, TestApp, until};
use chrono::{NaiveDate, TimeDelta};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

async fn register(app: &TestApp, email: &str, locale: &str) {
    let fields = json!({"email": email, "password": PASSWORD, "full_name": "Ada Lovelace", "locale": locale});
    app.client().register_with(fields).await;
}

/// Waits until the only mail job is in this state.
async fn delivery_once(app: &TestApp, state: JobState) {
    until(&format!("the delivery is {state}"), async || {
        let jobs = app.jobs_of("email.deliver").await;
        (jobs.first()?.state == state).then_some(())
    })
    .await;
}

async fn only_message(app: &TestApp) -> mail_messages::Model {
    let mut messages = mail_messages::Entity::find().all(app.db()).await.expect("a database");
    assert_eq!(messages.len(), 1);
    messages.remove(0)
}

async fn user(app: &TestApp, email: &str) -> users::Model {
    let found = users::Entity::find_by_email([email]).one(app.db()).await.expect("a database");
    found.expect("an account")
}

/// A client of an administrator.
async fn admin(app: &TestApp, email: &str) -> Client {
    let person = app.client().register(email).await;
    users::Entity::update_many()
        .col_expr(users::Column::IsAdmin, Expr::value(true))
        .filter(users::Column::Email.eq(email))
        .exec(app.db())
        .await
        .expect("a database");
    person.client
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, day).expect("a day of November")
}

/// Queues the reminder of a day in November, like another domain.
async fn queue_reminder(app: &TestApp, email: &str, number: u32) -> Option<MailId> {
    let user = user(app, email).await;
    let reminder = DailyReminder { day: day(number), minutes: 45, goal_minutes: None, apps: Vec::new() };
    let tx = app.queue().begin().await.expect("a transaction");
    let queued = queue_content(&tx, &user, &reminder).await.expect("queued");
    tx.commit().await.expect("committed");
    queued
}

/// Waits until a mail is in this state.
async fn status_once(app: &TestApp, id: MailId, status: MailStatus) {
    until(&format!("the mail is {status}"), async || {
        let mail = mail_messages::Entity::find_by_id(id).one(app.db()).await.expect("a database");
        (mail.expect("a mail").status == status).then_some(())
    })
    .await;
}

fn check_welcome(mail: &ReceivedMail, subject: &str, greeting: &str, language: &str) {
    let data = mail.data.replace("=\r\n", "");
    for part in [
        &format!("Subject: {subject}\r\n"),
        "Content-Type: multipart/alternative",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: text/html; charset=utf-8",
        "Auto-Submitted: auto-generated\r\n",
        "Message-ID: <",
        &format!("{greeting} Ada Lovelace,"),
        &format!("<p>{greeting} Ada Lovelace,</p>"),
        &format!("<html lang=3D\"{language}\">"),
    ] {
        assert!(data.contains(part), "{part:?} is not in {data}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_welcomed_in_their_language() {
    let smtp = SmtpServer::start(SmtpMode::Accept).await;
    let app = AppSetup::embedded().with_mail(&smtp).start().await;
    register(&app, "ada@example.org", "en").await;
    register(&app, "ada@exemple.fr", "fr").await;

    let mails = smtp.wait_for_mails(2).await;

    let to = |address: &str| mails.iter().find(|mail| mail.to == [address]).expect("a mail");
    check_welcome(to("ada@example.org"), "Welcome to Atelier", "Hello", "en");
    check_welcome(to("ada@exemple.fr"), "Bienvenue chez Atelier", "Bonjour", "fr");
    app.finish().await;
    assert_eq!(smtp.list_mails().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_arrives_in_a_split_installation() {
    let smtp = SmtpServer::start(SmtpMode::Accept).await;
    let app = AppSetup::scaled().await.with_mail(&smtp).start().await;
    register(&app, "ada@example.org", "en").await;

    let mails = smtp.wait_for_mails(1).await;

    check_welcome(&mails[0], "Welcome to Atelier", "Hello", "en");
    assert!(mails[0].data.contains("http://atelier.test"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_temporarily_rejected_mail_is_sent_again() {
    let smtp = SmtpServer::start(SmtpMode::Greylist).await;
    let app = AppSetup::embedded().with_mail(&smtp).start().await;
    register(&app, "ada@example.org", "en").await;
    delivery_once(&app, JobState::Retrying).await;
    assert_eq!(only_message(&app).await.status, MailStatus::Queued);
    let job = app.jobs_of("email.deliver").await.remove(0);
    assert_eq!(job.error.expect("an error")["code"], "MAIL_UNAVAILABLE");

    app.advance(TimeDelta::seconds(40)).await;
    delivery_once(&app, JobState::Succeeded).await;

    assert_eq!((smtp.list_mails().await.len(), only_message(&app).await.status), (1, MailStatus::Sent));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_without_a_receipt_is_sent_again_with_the_same_message_id() {
    let smtp = SmtpServer::start(SmtpMode::HangUpAfterData).await;
    let app = AppSetup::embedded().with_mail(&smtp).start().await;
    register(&app, "ada@example.org", "en").await;
    delivery_once(&app, JobState::Retrying).await;

    smtp.set_mode(SmtpMode::Accept).await;
    app.advance(TimeDelta::seconds(40)).await;
    delivery_once(&app, JobState::Succeeded).await;

    let mails = smtp.list_mails().await;
    assert_eq!(mails.len(), 2);
    let [first, second] = [0, 1].map(|index| mails[index].header("Message-ID").expect("an id"));
    assert_eq!(first, second, "the receiver can tell that it is one");
    assert!(first.starts_with(&format!("<{}@", only_message(&app).await.id)), "{first}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_loses_no_mail() {
    let smtp = SmtpServer::start(SmtpMode::HangUp).await;
    let setup = AppSetup::embedded().with_mail(&smtp).with(|settings| settings.mail.timeout_secs = 1);
    let app = setup.start().await;
    register(&app, "ada@example.org", "en").await;
    let mut waits = [40, 150, 750].into_iter();
    for (attempt, mode) in [(1, SmtpMode::HangUpInData), (2, SmtpMode::Stall), (3, SmtpMode::Accept)] {
        until(&format!("attempt {attempt} has failed"), async || {
            let job = app.jobs_of("email.deliver").await.remove(0);
            (job.state == JobState::Retrying && job.attempt == attempt).then_some(())
        })
        .await;
        let job = app.jobs_of("email.deliver").await.remove(0);
        assert_eq!(job.error.expect("an error")["code"], "MAIL_UNAVAILABLE");
        smtp.set_mode(mode).await;
        app.advance(TimeDelta::seconds(waits.next().expect("a wait"))).await;
    }
    delivery_once(&app, JobState::Succeeded).await;

    assert_eq!((smtp.list_mails().await.len(), only_message(&app).await.status), (1, MailStatus::Sent));
    app.finish().await;
}
