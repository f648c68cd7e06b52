use atelier_tests::{SmtpMode, SmtpServer};
use lettre::transport::smtp::Error;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

async fn send(smtp: &SmtpServer) -> Result<(), Error> {
    let message = Message::builder()
        .from("Atelier <no-reply@example.org>".parse().expect("an address"))
        .to("ada@example.org".parse().expect("an address"))
        .subject("Hello")
        .body("one\r\n.two\r\n".to_owned())
        .expect("the message is whole");
    let transport =
        AsyncSmtpTransport::<Tokio1Executor>::from_url(&smtp.url()).expect("the URL is valid").build();
    transport.send(message).await.map(|_| ())
}

#[tokio::test]
async fn records_an_accepted_message_unchanged() {
    let smtp = SmtpServer::start(SmtpMode::Accept).await;
    send(&smtp).await.expect("the message is taken");
    let mails = smtp.wait_for_mails(1).await;
    assert_eq!(mails[0].from, "no-reply@example.org");
    assert_eq!(mails[0].to, ["ada@example.org"]);
    assert!(mails[0].data.contains("Subject: Hello\r\n"));
    assert!(mails[0].data.contains("\r\n\r\none\r\n.two\r\n"));
}

#[tokio::test]
async fn rejects_permanently() {
    let smtp = SmtpServer::start(SmtpMode::Reject).await;
    let error = send(&smtp).await.expect_err("the recipient is refused");
    assert!(error.is_permanent(), "{error}");
    assert!(smtp.list_mails().await.is_empty());
}

#[tokio::test]
async fn greylists_only_the_first_attempt() {
    let smtp = SmtpServer::start(SmtpMode::Greylist).await;
    let error = send(&smtp).await.expect_err("the first try is put off");
    assert!(error.is_transient(), "{error}");
    send(&smtp).await.expect("the second try is taken");
    assert_eq!((smtp.list_mails().await.len(), smtp.count_connections().await), (1, 2));
}

#[tokio::test]
async fn closes_the_connection_before_or_after_the_message() {
    let smtp = SmtpServer::start(SmtpMode::HangUp).await;
    assert!(send(&smtp).await.is_err());
    assert!(smtp.list_mails().await.is_empty());
    smtp.set_mode(SmtpMode::HangUpAfterData).await;
    assert!(send(&smtp).await.is_err());
    assert_eq!(smtp.list_mails().await.len(), 1);
}
