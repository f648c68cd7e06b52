use atelier_entities::{MailStatus, audit_log, mail_messages};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;
use crate::{
    mail::{MailingError, queue_mail, templates},
    testing::{Fixture, REMINDER, acting},
};

fn key(secret: &str) -> UnsubscribeKey {
    UnsubscribeKey::new(&SecretString::from(secret.to_owned()))
}

async fn queue_reminder(
    fixture: &Fixture,
    user: &users::Model,
    day: u32,
) -> Option<atelier_entities::MailId> {
    let tx = fixture.services.queue.begin().await.expect("begun");
    let id = queue_mail(&tx, &REMINDER, user, &day.to_string(), json!({})).await.expect("queued");
    tx.commit().await.expect("committed");
    id
}

async fn status(fixture: &Fixture, id: atelier_entities::MailId) -> MailStatus {
    let mail = mail_messages::Entity::find_by_id(id).one(fixture.services.queue.db()).await.expect("asked");
    mail.expect("there").status
}

#[test]
fn a_token_is_for_one_person_and_one_category() {
    let (key, ada) = (key("0123456789abcdef0123456789abcdef"), UserId::new());

    for category in MailCategory::ALL.iter().copied() {
        let token = key.token(ada, category);
        assert_eq!(key.read(&token), Some((ada, category)));
        assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) && token.len() == 67);
    }
    let tokens = [key.token(ada, MailCategory::Alerts), key.token(UserId::new(), MailCategory::Alerts)];
    assert_ne!(tokens[0], tokens[1]);
}

#[test]
fn a_modified_token_is_invalid() {
    let secret = "0123456789abcdef0123456789abcdef";
    let (key, other) = (key(secret), key("fedcba9876543210fedcba9876543210"));
    let (ada, bob) = (UserId::new(), UserId::new());
    let good = key.token(ada, MailCategory::Reminders);
    let bytes = URL_SAFE_NO_PAD.decode(&good).expect("base64");

    for index in 0..bytes.len() {
        let mut touched = bytes.clone();
        touched[index] ^= 1;
        assert_eq!(key.read(&URL_SAFE_NO_PAD.encode(touched)), None, "byte {index}");
    }
    let mut swapped = head(bob, MailCategory::Reminders).to_vec();
    swapped.extend_from_slice(&bytes[HEAD_BYTES..]);
    // Signed with the secret itself instead of the key derived from it.
    let mut foreign = head(ada, MailCategory::Reminders).to_vec();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(&foreign);
    foreign.extend_from_slice(&mac.finalize().into_bytes());
    for wrong in [
        other.token(ada, MailCategory::Reminders),
        URL_SAFE_NO_PAD.encode(swapped),
        URL_SAFE_NO_PAD.encode(foreign),
        URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() - 1]),
        URL_SAFE_NO_PAD.encode(&bytes[..HEAD_BYTES]),
        String::new(),
        "sample".to_owned(),
        format!("{good}="),
        format!("{good}\n"),
    ] {
        assert_eq!(key.read(&wrong), None, "{wrong}");
    }
}

#[tokio::test]
async fn unsubscribing_ends_one_category_and_nothing_else() {
    let fixture = Fixture::new().await;
    let (ada, mail) = (fixture.register("ada@example.org").await, &fixture.services.mail);
    let token = mail.unsubscribing.token(ada.id, MailCategory::Reminders);
    let queued_before = queue_reminder(&fixture, &ada, 1).await.expect("queued");

    for _ in 0..2 {
        let done = mail.unsubscribe(&Actor::anonymous(), &token).await.expect("asked");
        assert_eq!(done, Some(Subscription { category: MailCategory::Reminders, locale: Locale::En }));
    }
    fixture.work().await;

    assert_eq!(status(&fixture, queued_before).await, MailStatus::Unsubscribed);
    assert_eq!(queue_reminder(&fixture, &ada, 2).await, None, "not even queued");
    assert_eq!(mail.list_opt_outs(&acting(ada.id)).await.expect("listed"), [MailCategory::Reminders]);
    let entries = audit_log::Entity::find().filter(audit_log::Column::Action.eq("mail.unsubscribe"));
    assert_eq!(entries.count(fixture.services.queue.db()).await.expect("counted"), 1);
    assert_eq!(mail.unsubscribe(&Actor::anonymous(), "sample").await.expect("asked"), None);

    let wanted = [(MailCategory::Reminders, true), (MailCategory::Alerts, false)];
    let unwanted = mail.update_preferences(&acting(ada.id), &wanted).await.expect("changed");
    assert_eq!(unwanted, [MailCategory::Alerts]);
    let queued = queue_reminder(&fixture, &ada, 2).await.expect("queued");
    fixture.work().await;
    assert_eq!(status(&fixture, queued).await, MailStatus::Sent);
}

#[tokio::test]
async fn mails_without_a_category_are_sent_to_everybody() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let none: Vec<_> = MailCategory::ALL.iter().map(|category| (*category, false)).collect();
    fixture.services.mail.update_preferences(&acting(ada.id), &none).await.expect("changed");
    for _ in 0..2 {
        let tx = fixture.services.queue.begin().await.expect("begun");
        queue_mail(&tx, &templates::PROVIDER_UNLINKED, &ada, "once", json!({"provider": "GitHub"}))
            .await
            .expect("queued");
        tx.commit().await.expect("committed");
    }
    fixture.work().await;

    let mut subjects = fixture.subjects_to("ada@example.org");
    subjects.sort();
    assert_eq!(subjects, ["GitHub was unlinked from your account", "Welcome to Atelier"]);
    for sent in fixture.mailer.mails() {
        assert!(sent.headers.iter().all(|(name, _)| !name.starts_with("List-")), "{:?}", sent.headers);
        assert!(!sent.text.contains("/unsubscribe/") && !sent.html.contains("unsubscribe"));
    }
}

#[tokio::test]
async fn a_link_does_not_reveal_whether_its_account_exists() {
    let fixture = Fixture::new().await;
    let (ada, mail) = (fixture.register("ada@example.org").await, &fixture.services.mail);
    let there = mail.unsubscribing.token(ada.id, MailCategory::Results);
    let gone = mail.unsubscribing.token(UserId::new(), MailCategory::Results);

    for ask in [&there, &gone] {
        let found = mail.find_subscription(ask).await.expect("asked");
        let done = mail.unsubscribe(&Actor::anonymous(), ask).await.expect("asked");
        assert_eq!((found, done), (found, found));
        assert_eq!(found.map(|found| found.category), Some(MailCategory::Results));
    }
}

#[tokio::test]
async fn an_optional_mail_has_an_unsubscribe_link() {
    let fixture = Fixture::new().await;
    let (ada, mail) = (fixture.register("ada@example.org").await, &fixture.services.mail);
    queue_reminder(&fixture, &ada, 1).await.expect("queued");
    fixture.work().await;

    let sent = fixture.mailer.mails();
    let reminder = sent.iter().find(|mail| mail.subject.contains("reminder")).expect("sent");
    let token = mail.unsubscribing.token(ada.id, MailCategory::Reminders);
    let link = format!("https://atelier.example/unsubscribe/{token}");
    for (name, value) in [
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("List-Unsubscribe", format!("<{link}>")),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
    ] {
        assert!(reminder.headers.contains(&(name.to_owned(), value)), "{:?}", reminder.headers);
    }
    assert!(reminder.text.contains(&link) && reminder.html.contains(&token));
}

#[tokio::test]
async fn a_deactivated_account_gets_no_optional_mails() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let queued = queue_reminder(&fixture, &ada, 1).await.expect("queued");
    let row = users::ActiveModel { id: Set(ada.id), is_active: Set(false), ..Default::default() };
    sea_orm::ActiveModelTrait::update(row, fixture.services.queue.db()).await.expect("changed");
    fixture.work().await;

    assert_eq!(status(&fixture, queued).await, MailStatus::Suppressed);
    let mail = &fixture.services.mail;
    let actor = acting(ada.id);
    let mut tested = Vec::new();
    for _ in 0..10 {
        tested.push(mail.send_test(&actor, &REMINDER, Some(Locale::Fr)).await);
    }
    assert!(tested.iter().all(Result::is_ok));
    let refused = mail.send_test(&actor, &REMINDER, Some(Locale::Fr)).await;
    assert!(matches!(refused, Err(MailingError::TooManyTests { retry_after: 1..=3600 })), "{refused:?}");
}
