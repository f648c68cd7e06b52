use atelier_entities::jobs;
use serde_json::json;

use super::*;
use crate::{
    Actor,
    testing::{Bench, REMINDER},
};

#[tokio::test]
async fn a_mail_with_a_link_is_delivered_before_a_backlog_of_others() {
    let bench = Bench::new().await;
    let ada = bench.register("ada@example.org").await;
    bench.work().await;
    let tx = bench.services.queue.begin().await.expect("a transaction");
    for number in 0..20 {
        let cause = number.to_string();
        let queued = queue_mail(&tx, &REMINDER, &ada, &cause, json!({})).await;
        assert!(queued.expect("queued").is_some());
    }
    tx.commit().await.expect("committed");
    bench.advance(60);
    bench.services.identity.forgot_password(&Actor::anonymous(), "ada@example.org").await.expect("asked");

    bench.work().await;

    // Two are delivered at a time.
    let mails = bench.mailer.mails();
    assert_eq!(mails.len(), 22);
    assert!(mails[1..3].iter().any(|mail| mail.text.contains("/reset-password#token=")), "{:?}", mails[1]);
}

#[tokio::test]
async fn only_mails_with_a_link_are_urgent() {
    let bench = Bench::new().await;
    let ada = bench.register("ada@example.org").await;
    let queue = &bench.services.queue;
    for template in bench.services.mail.templates() {
        let tx = queue.begin().await.expect("a transaction");
        let mail = queue_mail(&tx, template, &ada, "lanes", template.sample()).await.expect("queued");
        tx.commit().await.expect("committed");
        let subject = mail.expect("new").0;
        let job = bench.jobs_of_kind("email.deliver").await.into_iter();
        let lane = job.filter(|job: &jobs::Model| job.subject_id == Some(subject)).map(|job| job.lane).next();
        let is_link = ["confirm_email", "reset_password"].contains(&template.name());
        let expected = if is_link { Lane::Urgent } else { Lane::Normal };
        assert_eq!(lane, Some(expected.number()), "{template:?}");
    }
}
