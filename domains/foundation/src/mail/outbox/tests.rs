use atelier_entities::{JobState, MailCategory, audit_log};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};

use super::*;
use crate::{
    mail::templates,
    testing::{Fixture, acting},
};

const PAGE: Page = Page { number: 1, size: 50 };

async fn count(fixture: &Fixture, filter: OutboxFilter) -> u64 {
    fixture.services.mail.list_outbox(&filter, PAGE).await.expect("listed").1
}

#[tokio::test]
async fn the_outbox_is_filtered() {
    let fixture = Fixture::new().await;
    let (ada, _) = (fixture.register("ada@example.org").await, fixture.register("bob@example.org").await);
    fixture.work().await;
    fixture.services.identity.forgot_password(&Actor::anonymous(), "ada@example.org").await.expect("asked");

    let all = OutboxFilter::default;
    assert_eq!(count(&fixture, all()).await, 3);
    assert_eq!(count(&fixture, OutboxFilter { status: Some(MailStatus::Queued), ..all() }).await, 1);
    assert_eq!(count(&fixture, OutboxFilter { status: Some(MailStatus::Failed), ..all() }).await, 0);
    assert_eq!(count(&fixture, OutboxFilter { template: Some("welcome".to_owned()), ..all() }).await, 2);
    let address = Some(" Ada@Example.org ".to_owned());
    assert_eq!(count(&fixture, OutboxFilter { recipient: address, ..all() }).await, 2);
    let of_ada = OutboxFilter { user: Some(ada.id), status: Some(MailStatus::Sent), ..all() };
    assert_eq!(count(&fixture, of_ada).await, 1);
}

#[tokio::test]
async fn reading_a_mail_is_recorded() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let (mails, _) = fixture.services.mail.list_outbox(&OutboxFilter::default(), PAGE).await.expect("listed");
    let actor = acting(ada.id);

    let read = fixture.services.mail.read_mail(&actor, mails[0].id).await.expect("there");
    assert_eq!(read.template, "welcome");
    let entries = audit_log::Entity::find().filter(audit_log::Column::Action.eq("mail.read"));
    assert_eq!(entries.count(fixture.services.queue.db()).await.expect("counted"), 1);
    let none = fixture.services.mail.read_mail(&actor, MailId::new()).await;
    assert!(matches!(none, Err(MailingError::NoSuchMail)));
}

#[tokio::test]
async fn every_mail_has_a_preview_and_a_test_mail() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let mail = &fixture.services.mail;
    let none: Vec<_> = MailCategory::ALL.iter().map(|category| (*category, false)).collect();
    mail.update_preferences(&acting(ada.id), &none).await.expect("changed");
    for template in mail.templates() {
        let preview = mail.preview(template, Locale::Fr).expect("rendered");
        assert_eq!(
            preview.text.contains("/unsubscribe/sample"),
            template.category().is_some(),
            "{template:?}"
        );
        fixture.advance(400);
        mail.send_test(&acting(ada.id), template, Some(Locale::Fr)).await.expect("queued");
    }
    fixture.work().await;

    assert_eq!(fixture.mailer.mails().len(), 1 + mail.templates().len());
    let jobs = fixture.jobs_of_kind("email.deliver").await;
    assert!(jobs.iter().all(|job| job.state == JobState::Succeeded), "{jobs:?}");
}

#[tokio::test]
async fn old_mails_are_deleted_unless_they_are_queued() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    fixture.work().await;
    let queue = &fixture.services.queue;
    fixture.services.identity.forgot_password(&Actor::anonymous(), "ada@example.org").await.expect("asked");
    let purge = async || purge(queue, 100).await.expect("purged");

    fixture.advance(90 * 24 * 3600 - 60);
    assert_eq!(purge().await, 0);
    let tx = queue.begin().await.expect("begun");
    let known =
        super::super::queue_mail(&tx, &templates::WELCOME, &ada, &ada.id.to_string(), json!({})).await;
    assert_eq!(known.expect("asked"), None, "still the same mail");
    drop(tx);
    fixture.advance(120);
    assert_eq!(purge().await, 1, "the welcome");
    let waiting = mail_messages::Entity::find().one(queue.db()).await.expect("asked").expect("there");
    assert_eq!((waiting.status, waiting.template.as_str()), (MailStatus::Queued, "reset_password"));
    let mut row = waiting.into_active_model();
    row.status = Set(MailStatus::Failed);
    row.update(queue.db()).await.expect("changed");
    assert_eq!(purge().await, 1);
}
