use atelier_entities::jobs;
use serde_json::json;

use super::*;
use crate::{
    Actor,
    testing::{Fixture, REMINDER},
};

#[tokio::test]
async fn a_mail_with_a_link_is_delivered_before_a_backlog_of_others() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    fixture.work().await;
    let tx = fixture.services.queue.begin().await.expect("a transaction");
    for number in 0..20 {
        let cause = number.to_string();
        let queued = queue_mail(&tx, &REMINDER, &ada, &cause, json!({})).await;
        assert!(queued.expect("queued").is_some());
    }
    tx.commit().await.expect("committed");
    fixture.advance(60);
    fixture.services.identity.forgot_password(&Actor::anonymous(), "ada@example.org").await.expect("asked");

    fixture.work().await;

    // Two are delivered at a time.
    let mails = fixture.mailer.mails();
    assert_eq!(mails.len(), 22);
    assert!(mails[1..3].iter().any(|mail| mail.text.contains("/reset-password#token=")), "{:?}", mails[1]);
}

#[tokio::test]
async fn only_mails_with_a_link_are_urgent() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let queue = &fixture.services.queue;
    for template in fixture.services.mail.templates() {
        let tx = queue.begin().await.expect("a transaction");
        let mail = queue_mail(&tx, template, &ada, "lanes", template.sample()).await.expect("queued");
        tx.commit().await.expect("committed");
        let subject = mail.expect("new").0;
        let job = fixture.jobs_of_kind("email.deliver").await.into_iter();
        let lane = job.filter(|job: &jobs::Model| job.subject_id == Some(subject)).map(|job| job.lane).next();
        let is_link = ["confirm_email", "reset_password"].contains(&template.name());
        let expected = if is_link { Lane::Urgent } else { Lane::Normal };
        assert_eq!(lane, Some(expected.number()), "{template:?}");
    }
}
