//! The content of mails, and unsubscribing.

use atelier_billing::mail::{PaymentReceipt, ReceiptLine};
use atelier_screentime::mail::{ChallengeResults, LimitAlert};
use uuid::Uuid;

use super::*;

/// The text of a quoted-printable message.
fn decoded(mail: &ReceivedMail) -> String {
    let mut bytes = Vec::new();
    let data = mail.data.replace("=\r\n", "");
    let mut rest = data.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| u8::from_str_radix(str::from_utf8(code).ok()?, 16).ok());
        match code.filter(|_| byte == b'=') {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn french_setup(smtp: &SmtpServer) -> TestApp {
    let setup = AppSetup::embedded().with_mail(smtp).with(|settings| {
        settings.server.public_url = "https://atelier.test".to_owned();
        settings.mail.reply_to = "Aide <help@example.org>".to_owned();
    });
    let app = setup.start().await;
    let fields = json!({
        "email": "ada@example.org", "password": PASSWORD, "full_name": "Ada Lovelace",
        "locale": "fr", "time_zone": "Europe/Paris",
    });
    app.client().register_with(fields).await;
    app
}

async fn queue_the_others(app: &TestApp) {
    let ada = user(app, "ada@example.org").await;
    let results = ChallengeResults {
        challenge_id: Uuid::nil(),
        title: "Une semaine sans défiler".to_owned(),
        rank: 1,
        participants: 1_200,
        score: 1_180,
        leaders: Vec::new(),
    };
    let alert = LimitAlert {
        limit_id: Uuid::nil(),
        day: day(1),
        app: "Instagram".to_owned(),
        minutes: 60,
        limit_minutes: 60,
        reached: true,
    };
    let line = ReceiptLine { description: "Pro".to_owned(), quantity: 1, amount_minor: 123_450 };
    let receipt = PaymentReceipt {
        number: "A-1".to_owned(),
        paid_at: "2026-03-31T22:30:00Z".parse().expect("a moment"),
        currency: "EUR".to_owned(),
        lines: vec![line],
        tax_minor: None,
        total_minor: 123_450,
        method: None,
    };
    // Twice, like an interrupted sender.
    for _ in 0..2 {
        let tx = app.queue().begin().await.expect("a transaction");
        queue_content(&tx, &ada, &results).await.expect("queued");
        queue_content(&tx, &ada, &alert).await.expect("queued");
        queue_content(&tx, &ada, &receipt).await.expect("queued");
        tx.commit().await.expect("committed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mail_arrives_once_in_the_readers_language() {
    let smtp = SmtpServer::start(SmtpMode::Accept).await;
    let app = french_setup(&smtp).await;
    for _ in 0..2 {
        queue_reminder(&app, "ada@example.org", 1).await;
    }
    queue_the_others(&app).await;

    let mails = smtp.wait_for_mails(5).await;

    let with = |part: &str| {
        let found: Vec<_> = mails.iter().filter(|mail| decoded(mail).contains(part)).collect();
        assert_eq!(found.len(), 1, "{part}");
        found[0]
    };
    let reminder = with("Le 1er novembre 2026, vous avez passé 45\u{a0}min sur vos applications.");
    let results = with("Vous êtes 1er sur 1\u{202f}200, avec 1\u{202f}180 points.");
    let alert = with("Instagram est bloqué jusqu’à demain.");
    let receipt = with("Voici votre reçu A-1 du 1er avril 2026 à 00:30 (Europe/Paris).");
    assert!(decoded(receipt).contains("Total : 1\u{202f}234,50\u{a0}€"));
    for mail in &mails {
        assert_eq!(mail.header("Auto-Submitted").as_deref(), Some("auto-generated"));
        assert_eq!(mail.header("Reply-To").as_deref(), Some("Aide <help@example.org>"));
        assert_eq!(mail.header("To").as_deref(), Some("\"Ada Lovelace\" <ada@example.org>"));
        assert!(mail.header("Date").is_some() && mail.header("Message-ID").is_some());
    }
    for mail in [reminder, results, alert] {
        let link = mail.header("List-Unsubscribe").expect("a link");
        assert!(link.starts_with("<https://atelier.test/unsubscribe/") && link.ends_with('>'), "{link}");
        assert_eq!(mail.header("List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    }
    let welcome = with("Bienvenue");
    for mail in [receipt, welcome] {
        assert_eq!((mail.header("List-Unsubscribe"), mail.header("List-Unsubscribe-Post")), (None, None));
    }
    app.finish().await;
    assert_eq!(smtp.list_mails().await.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_click_unsubscribes_even_from_queued_mails() {
    let smtp = SmtpServer::start(SmtpMode::Accept).await;
    let app = french_setup(&smtp).await;
    queue_reminder(&app, "ada@example.org", 1).await.expect("queued");
    let mails = smtp.wait_for_mails(2).await;
    let link = mails.iter().find_map(|mail| mail.header("List-Unsubscribe")).expect("a link");
    let path = app.path_of(link.trim_matches(['<', '>'])).to_owned();
    let page = app.client().get(&path).send().await.expect(200);
    assert!(page.text().contains("Ne plus recevoir") && page.header("content-type").starts_with("text/html"));
    smtp.set_mode(SmtpMode::Greylist).await;
    let waiting = queue_reminder(&app, "ada@example.org", 2).await.expect("queued");
    until("the second reminder was put off", async || {
        app.jobs_of("email.deliver").await.iter().any(|job| job.state == JobState::Retrying).then_some(())
    })
    .await;

    let form = "application/x-www-form-urlencoded";
    for _ in 0..2 {
        let done = app.client().post(&path).body(form, "List-Unsubscribe=One-Click").send().await.expect(200);
        assert!(done.text().contains("Vous ne recevrez plus"));
    }
    app.advance(TimeDelta::seconds(40)).await;

    status_once(&app, waiting, MailStatus::Unsubscribed).await;
    assert_eq!(queue_reminder(&app, "ada@example.org", 3).await, None);
    let forgot = json!({"email": "ada@example.org"});
    let _asked = app.client().post("/api/auth/forgot-password").json(&forgot).send().await.expect(200);
    let mails = smtp.wait_for_mails(3).await;
    assert!(decoded(&mails[2]).contains("reset-password#token="), "mails that a person waits for are sent");
    app.finish().await;
    assert_eq!(smtp.list_mails().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrators_and_people_manage_mail_in_a_split_installation() {
    let smtp = SmtpServer::start(SmtpMode::Accept).await;
    let app = AppSetup::scaled().await.with_mail(&smtp).start().await;
    let ada = app.client().register("ada@example.org").await;
    let root = admin(&app, "root@example.org").await;
    let first = queue_reminder(&app, "ada@example.org", 1).await.expect("queued");
    status_once(&app, first, MailStatus::Sent).await;
    let mails = smtp.wait_for_mails(3).await;
    let reminder = mails.iter().find(|mail| mail.header("List-Unsubscribe").is_some()).expect("a link");
    assert_eq!(reminder.header("List-Unsubscribe-Post"), None, "one click is for https only");

    let link = reminder.header("List-Unsubscribe").expect("a link");
    let path = app.path_of(link.trim_matches(['<', '>'])).to_owned();
    for _ in 0..2 {
        let _done = app.client().post(&path).send().await.expect(200);
    }
    assert_eq!(ada.get("/api/users/me/notifications").await["reminders"], false);
    assert_eq!(queue_reminder(&app, "ada@example.org", 2).await, None);
    let wanted = json!({"reminders": true, "activity": false});
    let changed = ada.client.call("PUT", "/api/users/me/notifications").json(&wanted).send().await;
    assert_eq!(
        changed.expect(200).json(),
        json!({"reminders": true, "results": true, "alerts": true, "activity": false})
    );
    assert_eq!(ada.get("/api/users/me/export").await["notifications"]["activity"], false);

    let test = root.post("/api/admin/mails/templates/limit_alert/test").json(&json!({"locale": "fr"}));
    let sent = test.send().await.expect(202);
    let mails = smtp.wait_for_mails(4).await;
    assert!(decoded(&mails[3]).contains("vous avez passé 48\u{a0}min sur Instagram"));
    let mail = root.get(sent.header("location")).send().await.expect(200).json();
    assert_eq!((&mail["template"], &mail["data"]["app"]), (&json!("limit_alert"), &json!("Instagram")));
    let filter = format!("status=sent&template=daily_reminder&recipient=ADA@example.org&user={}", ada.id);
    let listed = root.get(&format!("/api/admin/mails?{filter}")).send().await.expect(200);
    assert_eq!((listed.header("x-total-count"), &listed.json()[0]["cause"]), ("1", &json!("2026-11-01")));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_cannot_inject_content_into_a_mail() {
    let smtp = SmtpServer::start(SmtpMode::Accept).await;
    let app = AppSetup::embedded().with_mail(&smtp).start().await;
    let long = "Ünïcødé ".repeat(15);
    let names =
        ["Eve\" <victim@example.org>, \"x", "<b>Eve</b> & co", "Bcc: victim@example.org", long.trim()];
    for (number, name) in names.iter().enumerate() {
        let email = format!("eve{number}@example.org");
        app.client().register_with(json!({"email": email, "password": PASSWORD, "full_name": name})).await;
    }

    let mails = smtp.wait_for_mails(names.len()).await;

    for mail in &mails {
        assert_eq!(mail.to.len(), 1);
        assert!(mail.to[0].starts_with("eve"), "{:?}", mail.to);
        let (head, _) = mail.data.split_once("\r\n\r\n").expect("a head");
        assert!(head.lines().all(|line| line.len() < 998 && !line.starts_with("Bcc")), "{head}");
        assert!(!decoded(mail).contains("<b>Eve</b> &amp;") && !decoded(mail).contains("<p>Hello <b>"));
    }
    app.finish().await;
}
