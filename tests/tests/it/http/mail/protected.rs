//! A server that requires encryption and authentication.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_uses_tls_and_credentials_of_the_settings() {
    let smtp = SmtpServer::start_protected().await;
    let authority = smtp.authority_file().display().to_string();
    let setup = AppSetup::embedded().with_mail(&smtp).with(|settings| settings.mail.ca_file = authority);
    let app = setup.start().await;
    register(&app, "ada@example.org", "en").await;
    register(&app, "bob@example.org", "en").await;

    let mails = smtp.wait_for_mails(2).await;

    for mail in &mails {
        assert_eq!((mail.encrypted, mail.user.as_deref()), (true, Some("ada@example.org")));
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_mail_goes_to_a_server_with_an_unknown_ca() {
    let smtp = SmtpServer::start_protected().await;
    let app = AppSetup::embedded().with_mail(&smtp).start().await;
    register(&app, "ada@example.org", "en").await;
    delivery_once(&app, JobState::Retrying).await;
    let job = app.jobs_of("email.deliver").await.remove(0);

    assert_eq!(job.error.expect("an error")["code"], "MAIL_UNAVAILABLE");
    assert!(smtp.list_mails().await.is_empty());
    app.finish_leaving(&["email.deliver"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_waits_until_a_wrong_password_is_corrected() {
    let smtp = SmtpServer::start_protected().await;
    let authority = smtp.authority_file().display().to_string();
    let wrong = smtp.url().replacen("strange", "hunter2", 1);
    let setup = AppSetup::embedded().with(|settings| {
        settings.mail.smtp_url = wrong.into();
        settings.mail.ca_file = authority;
    });
    let mut app = setup.start().await;
    register(&app, "ada@example.org", "en").await;
    delivery_once(&app, JobState::Retrying).await;
    assert!(!format!("{:?}", app.jobs_of("email.deliver").await).contains("hunter2"));

    app.settings.mail.smtp_url = smtp.url().into();
    app.restart().await;
    app.advance(TimeDelta::seconds(40)).await;
    delivery_once(&app, JobState::Succeeded).await;
    assert_eq!(smtp.list_mails().await.len(), 1);
    app.finish().await;
}
