//! Mail through a server that takes it, puts it off, or refuses it.

use atelier_entities::{JobState, MailStatus, mail_messages};
use atelier_tests::{AppSetup, FakeSmtp, PASSWORD, ReceivedMail, SmtpMode, TestApp, until};
use chrono::TimeDelta;
use sea_orm::EntityTrait;
use serde_json::json;

async fn register(app: &TestApp, email: &str, locale: &str) {
    let fields = json!({"email": email, "password": PASSWORD, "full_name": "Ada Lovelace", "locale": locale});
    app.client().register_with(fields).await;
}

/// The only mail job, once it is in that state.
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
    let smtp = FakeSmtp::start(SmtpMode::Accept).await;
    let app = AppSetup::embedded().with_mail(&smtp).start().await;
    register(&app, "ada@example.org", "en").await;
    register(&app, "ada@exemple.fr", "fr").await;

    let mails = smtp.wait_for_mails(2).await;

    let to = |address: &str| mails.iter().find(|mail| mail.to == [address]).expect("a mail");
    check_welcome(to("ada@example.org"), "Welcome to Atelier", "Hello", "en");
    check_welcome(to("ada@exemple.fr"), "Bienvenue chez Atelier", "Bonjour", "fr");
    app.finish().await;
    assert_eq!(smtp.list_mails().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_arrives_in_a_split_installation() {
    let smtp = FakeSmtp::start(SmtpMode::Accept).await;
    let app = AppSetup::scaled().await.with_mail(&smtp).start().await;
    register(&app, "ada@example.org", "en").await;

    let mails = smtp.wait_for_mails(1).await;

    check_welcome(&mails[0], "Welcome to Atelier", "Hello", "en");
    assert!(mails[0].data.contains("http://atelier.test"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_put_off_is_sent_again_later() {
    let smtp = FakeSmtp::start(SmtpMode::Greylist).await;
    let app = AppSetup::embedded().with_mail(&smtp).start().await;
    register(&app, "ada@example.org", "en").await;
    delivery_once(&app, JobState::Retrying).await;
    assert_eq!(only_message(&app).await.status, MailStatus::Queued);
    let job = app.jobs_of("email.deliver").await.remove(0);
    assert_eq!(job.error.expect("an error")["code"], "MAIL_UNAVAILABLE");

    app.advance(TimeDelta::seconds(40)).await;
    delivery_once(&app, JobState::Succeeded).await;

    assert_eq!((smtp.list_mails().len(), only_message(&app).await.status), (1, MailStatus::Sent));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_of_unknown_fate_is_sent_again_as_the_same() {
    let smtp = FakeSmtp::start(SmtpMode::HangUpAfterData).await;
    let app = AppSetup::embedded().with_mail(&smtp).start().await;
    register(&app, "ada@example.org", "en").await;
    delivery_once(&app, JobState::Retrying).await;

    smtp.set_mode(SmtpMode::Accept);
    app.advance(TimeDelta::seconds(40)).await;
    delivery_once(&app, JobState::Succeeded).await;

    let id = |mail: &ReceivedMail| {
        let line = mail.data.lines().find(|line| line.starts_with("Message-ID: ")).map(str::to_owned);
        line.expect("an id")
    };
    let mails = smtp.list_mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(id(&mails[0]), id(&mails[1]), "the receiver can tell that it is one");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_refused_is_not_sent_again() {
    let smtp = FakeSmtp::start(SmtpMode::Reject).await;
    let app = AppSetup::embedded().with_mail(&smtp).start().await;
    register(&app, "nobody@example.org", "en").await;
    delivery_once(&app, JobState::Failed).await;
    let message = only_message(&app).await;
    assert_eq!(message.status, MailStatus::Failed);
    assert!(message.error.expect("a reason").contains("no such mailbox"));

    smtp.set_mode(SmtpMode::Accept);
    app.advance(TimeDelta::hours(12)).await;
    register(&app, "ada@example.org", "en").await;
    let mails = smtp.wait_for_mails(1).await;

    assert_eq!(mails[0].to, ["ada@example.org"]);
    app.finish().await;
    assert_eq!(smtp.list_mails().len(), 1);
}
