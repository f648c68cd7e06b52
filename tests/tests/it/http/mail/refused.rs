//! Mail that the server rejects permanently.

use super::*;

async fn suppressions(admin: &Client) -> Vec<String> {
    let listed = admin.get("/api/admin/mails/suppressions").send().await.expect(200).json();
    let listed = listed.as_array().expect("a list").clone();
    listed.iter().map(|entry| entry["address"].as_str().expect("an address").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permanently_rejected_mail_is_not_sent_again() {
    let smtp = SmtpServer::start(SmtpMode::Reject).await;
    let app = AppSetup::embedded().with_mail(&smtp).start().await;
    register(&app, "nobody@example.org", "en").await;
    delivery_once(&app, JobState::Failed).await;
    let message = only_message(&app).await;
    assert_eq!(message.status, MailStatus::Failed);
    assert!(message.error.expect("a reason").contains("no such mailbox"));

    smtp.set_mode(SmtpMode::Accept).await;
    app.advance(TimeDelta::hours(12)).await;
    register(&app, "ada@example.org", "en").await;
    let mails = smtp.wait_for_mails(1).await;

    assert_eq!(mails[0].to, ["ada@example.org"]);
    app.finish().await;
    assert_eq!(smtp.list_mails().await.len(), 1);
}

/// Sends a mail to an address without a mailbox.
async fn bounce(app: &TestApp) {
    register(app, "ada@example.org", "en").await;
    delivery_once(app, JobState::Failed).await;
    let job = app.jobs_of("email.deliver").await.remove(0);
    assert_eq!((job.attempt, &job.error.expect("an error")["code"]), (1, &json!("MAIL_BOUNCED")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_without_a_mailbox_is_suppressed_until_an_administrator_removes_it() {
    let smtp = SmtpServer::start(SmtpMode::Reject).await;
    let app = AppSetup::embedded().with_mail(&smtp).start().await;
    bounce(&app).await;
    smtp.set_mode(SmtpMode::Accept).await;
    let admin = admin(&app, "root@example.org").await;
    smtp.wait_for_mails(1).await;
    assert_eq!(suppressions(&admin).await, ["ada@example.org"]);

    let held = queue_reminder(&app, "ada@example.org", 1).await.expect("queued");
    status_once(&app, held, MailStatus::Suppressed).await;
    let address = "/api/admin/mails/suppressions/ADA@example.org";
    let lifted = admin.call("DELETE", address).send().await.expect(200).json();
    assert_eq!(lifted["address"], "ada@example.org");
    let target = lifted["audit_target"].as_str().expect("a target");
    let logs = admin.get(&format!("/api/admin/logs?target={target}")).send().await.expect(200).json();
    assert_eq!(logs[0]["action"], "mail.delete_suppression", "{logs}");
    assert!(!logs.to_string().contains("ada@"), "{logs}");
    let sent = queue_reminder(&app, "ada@example.org", 2).await.expect("queued");
    status_once(&app, sent, MailStatus::Sent).await;

    assert!(suppressions(&admin).await.is_empty());
    let _gone = admin.call("DELETE", address).send().await.refused(404, "NOT_FOUND");
    let failed = admin.get("/api/admin/mails?status=failed").send().await.expect(200).json();
    assert_eq!((failed[0]["template"].as_str(), failed.as_array().map(Vec::len)), (Some("welcome"), Some(1)));
    app.finish().await;
    assert_eq!(smtp.list_mails().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_mailbox_reported_after_the_content_suppresses_the_address() {
    let smtp = SmtpServer::start(SmtpMode::RejectLate).await;
    let app = AppSetup::embedded().with_mail(&smtp).start().await;
    bounce(&app).await;

    smtp.set_mode(SmtpMode::Accept).await;
    let held = queue_reminder(&app, "ada@example.org", 1).await.expect("queued");
    status_once(&app, held, MailStatus::Suppressed).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_content_or_sender_does_not_suppress_the_recipient() {
    for (mode, reason) in [(SmtpMode::RejectContent, "spam"), (SmtpMode::RejectByPolicy, "block list")] {
        let smtp = SmtpServer::start(mode).await;
        let app = AppSetup::embedded().with_mail(&smtp).start().await;
        register(&app, "ada@example.org", "en").await;
        delivery_once(&app, JobState::Failed).await;
        let job = app.jobs_of("email.deliver").await.remove(0);
        assert_eq!((job.attempt, &job.error.expect("an error")["code"]), (1, &json!("MAIL_REJECTED")));
        assert!(only_message(&app).await.error.expect("a reason").contains(reason));

        smtp.set_mode(SmtpMode::Accept).await;
        let sent = queue_reminder(&app, "ada@example.org", 1).await.expect("queued");
        status_once(&app, sent, MailStatus::Sent).await;
        app.finish().await;
    }
}
