use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::super::fake::sample_mail;
use super::*;

/// What the server does with a conversation.
#[derive(Clone, Copy)]
enum Manner {
    Accepts,
    RefusesReceiver(&'static str),
    RefusesContent(&'static str),
    WantsSignIn,
    HangsUpAtData,
    HangsUpAfterMail,
    SaysNothing,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    mails: Vec<String>,
}

struct Server {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().expect("the record").connections += 1;
                tokio::spawn(converse(stream, manner, shared.clone()));
            }
        });
        Self { port, seen }
    }

    fn mailer(&self) -> SmtpMailer {
        mailer(&format!("smtp://127.0.0.1:{}", self.port))
    }
}

fn mailer(url: &str) -> SmtpMailer {
    let options = SmtpOptions {
        url: url.to_owned().into(),
        authorities: None,
        timeout: Duration::from_millis(500),
        max_connections: 2,
    };
    SmtpMailer::new(&options).expect("a valid URL")
}

async fn converse(stream: TcpStream, manner: Manner, seen: Arc<Mutex<Seen>>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    if matches!(manner, Manner::SaysNothing) {
        return std::future::pending().await;
    }
    writer.write_all(b"220 test ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        let reply = match (verb.as_str(), manner) {
            ("EHLO", _) => "250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            ("AUTH", Manner::WantsSignIn) => "535 5.7.8 wrong password",
            ("RCPT", Manner::RefusesReceiver(reply)) => reply,
            ("DATA", Manner::HangsUpAtData) => return Ok(()),
            ("DATA", _) => {
                writer.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                if let Manner::RefusesContent(reply) = manner {
                    reply
                } else {
                    seen.lock().expect("the record").mails.push(mail);
                    "250 2.0.0 queued as 4711"
                }
            }
            _ => "250 fine",
        };
        writer.write_all(format!("{reply}\r\n").as_bytes()).await?;
        if verb == "DATA" && matches!(manner, Manner::HangsUpAfterMail) {
            return Ok(());
        }
    }
    Ok(())
}

#[tokio::test]
async fn delivers_over_connections_that_are_kept() {
    let server = Server::start(Manner::Accepts).await;
    let mailer = server.mailer();
    for _ in 0..5 {
        let delivery = mailer.send(&sample_mail()).await.expect("accepted");
        assert_eq!(delivery, Delivery::Accepted { response: "250 2.0.0 queued as 4711".into() });
    }
    let seen = server.seen.lock().expect("the record");
    assert_eq!(seen.mails.len(), 5);
    assert!(seen.connections < 5, "every mail had a connection of its own");
    for mail in &seen.mails {
        assert!(mail.contains("Message-ID: <0190-sample@example.org>"), "{mail}");
        assert!(mail.contains("Welcome to Atelier."), "{mail}");
    }
    assert!(!mailer.captures());
}

#[tokio::test]
async fn distinguishes_temporary_and_permanent_errors() {
    let table = [
        (Manner::RefusesReceiver("451 4.7.1 greylisted, come back"), None),
        (Manner::RefusesReceiver("550 5.1.1 no such user"), Some(550)),
        (Manner::RefusesContent("452 4.3.1 no space"), None),
        (Manner::RefusesContent("554 5.7.1 spam"), Some(554)),
        (Manner::RefusesContent("554 5.1.1 no such user"), Some(554)),
        (Manner::HangsUpAtData, None),
    ];
    for (index, (manner, rejected)) in table.into_iter().enumerate() {
        let server = Server::start(manner).await;
        let error = server.mailer().send(&sample_mail()).await.expect_err("refused");
        match (&error, rejected) {
            (MailError::Transient { .. }, None) => assert!(error.is_retryable()),
            (MailError::Bounced { code, .. } | MailError::Rejected { code, .. }, Some(expected)) => {
                assert_eq!(*code, expected);
            }
            _ => panic!("{index}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn a_mailbox_that_is_missed_after_the_text_bounces() {
    for (reply, bounces) in [
        ("554 5.1.1 no such user", true),
        ("550-5.2.1 closed\r\n550 5.2.1 since May", true),
        ("554 5.7.1 spam", false),
    ] {
        let server = Server::start(Manner::RefusesContent(reply)).await;
        let error = server.mailer().send(&sample_mail()).await.expect_err("refused");
        assert_eq!(matches!(error, MailError::Bounced { .. }), bounces, "{reply}: {error:?}");
    }
}

#[tokio::test]
async fn notices_that_a_kept_connection_is_dead() {
    let server = Server::start(Manner::HangsUpAfterMail).await;
    let mailer = server.mailer();
    for _ in 0..4 {
        mailer.send(&sample_mail()).await.expect("accepted");
    }
}

#[tokio::test]
async fn refuses_a_mail_without_a_valid_receiver() {
    let server = Server::start(Manner::Accepts).await;
    let broken = OutgoingMail { to: "nobody".into(), ..sample_mail() };
    let error = server.mailer().send(&broken).await.expect_err("no address");
    assert!(matches!(error, MailError::InvalidAddress { .. }) && !error.is_retryable());
    assert_eq!(server.seen.lock().expect("the record").connections, 0);
}

#[tokio::test]
async fn a_wrong_password_is_no_fault_of_the_mail() {
    let server = Server::start(Manner::WantsSignIn).await;
    let mailer = mailer(&format!("smtp://user:hunter2@127.0.0.1:{}", server.port));
    let error = mailer.send(&sample_mail()).await.expect_err("refused");
    assert!(error.is_retryable(), "{error:?}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_silent_or_absent_server_ends_in_time() {
    let silent = Server::start(Manner::SaysNothing).await;
    assert!(silent.mailer().send(&sample_mail()).await.expect_err("silence").is_retryable());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("smtp://{}", listener.local_addr().expect("an address"));
    drop(listener);
    assert!(mailer(&url).send(&sample_mail()).await.expect_err("absent").is_retryable());
}

#[tokio::test]
async fn refuses_urls_of_other_schemes_without_repeating_them() {
    for url in ["http://user:hunter2@localhost", "nonsense", ""] {
        let options = SmtpOptions {
            url: url.to_owned().into(),
            authorities: None,
            timeout: Duration::from_secs(1),
            max_connections: 1,
        };
        let error = SmtpMailer::new(&options).err().expect("refused");
        assert!(matches!(error, MailError::Misconfigured { .. }) && !error.to_string().contains("hunter2"));
    }
}

fn account(host: &str, port: u16) -> SmtpAccount {
    SmtpAccount {
        host: host.to_owned(),
        port,
        security: SmtpSecurity::None,
        user: "ada".to_owned(),
        password: "correct horse".to_owned().into(),
    }
}

#[tokio::test]
async fn an_account_sends_one_mail_to_all_at_the_given_addresses() {
    let server = Server::start(Manner::Accepts).await;
    let addresses = [std::net::SocketAddr::from(([127, 0, 0, 1], server.port))];
    let mail = OutgoingMail { html: String::new(), ..sample_mail() };
    let others = ["bob@example.org".to_owned()];

    // The name is not resolved: no server of this name exists.
    let account = account("mail.invalid", server.port);
    let sent = account.send(&addresses, &mail, &others, Duration::from_millis(500)).await;

    assert_eq!(sent, Ok(Delivery::Accepted { response: "250 2.0.0 queued as 4711".into() }));
    let seen = server.seen.lock().expect("the record");
    assert_eq!(seen.mails.len(), 1);
    let text = &seen.mails[0];
    assert!(text.contains("ada@example.org") && text.contains("bob@example.org"), "{text}");
    assert!(!text.contains("multipart"), "{text}");
}

#[tokio::test]
async fn an_account_that_the_server_does_not_know_is_refused_without_a_mail() {
    let server = Server::start(Manner::WantsSignIn).await;
    let addresses = [std::net::SocketAddr::from(([127, 0, 0, 1], server.port))];
    let account = account("mail.invalid", server.port);

    let checked = account.check(&addresses, Duration::from_millis(500)).await.expect_err("refused");
    let sent = account.send(&addresses, &sample_mail(), &[], Duration::from_millis(500)).await;

    assert!(checked.to_string().contains("535"), "{checked}");
    assert_eq!(sent, Err(checked));
    assert!(server.seen.lock().expect("the record").mails.is_empty());
    assert!(!format!("{account:?}").contains("correct horse"));
}
