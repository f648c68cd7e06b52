use std::sync::Arc;

use atelier_entities::jobs;
use atelier_queue::Job;
use serde_json::{Value, json};

use super::*;
use crate::{mail::DeliverMail, testing::Fixture};

/// A welcome mail and the job that delivers it.
async fn queued(fixture: &Fixture) -> (jobs::Model, MailId) {
    fixture.register("ada@example.org").await;
    let job = fixture.jobs_of_kind("email.deliver").await.remove(0);
    let id = MailId(job.subject_id.expect("a mail"));
    (job, id)
}

async fn mail(fixture: &Fixture, id: MailId) -> mail_messages::Model {
    let found = mail_messages::Entity::find_by_id(id).one(fixture.services.queue.db()).await;
    found.expect("asked").expect("there")
}

async fn end(fixture: &Fixture, job: &jobs::Model, state: JobState, error: Option<Value>) {
    let ended = EndedJob {
        id: job.id,
        kind: DeliverMail::KIND,
        args: Arc::new(job.args.clone()),
        state,
        result: None,
        error,
        owner: None,
        subject: job.subject_id,
    };
    let tx = fixture.services.queue.begin().await.expect("begun");
    DeliveryEnded.on_end(&tx, &ended).await.expect("applied");
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn a_mail_whose_delivery_is_cancelled_has_failed() {
    let fixture = Fixture::new().await;
    let (job, id) = queued(&fixture).await;

    fixture.services.queue.cancel(job.id, None).await.expect("cancelled");

    let mail = mail(&fixture, id).await;
    assert_eq!((mail.status, mail.error.as_deref()), (MailStatus::Failed, Some("cancelled before it ran")));
}

#[tokio::test]
async fn a_mail_whose_job_is_unreadable_has_failed() {
    let fixture = Fixture::new().await;
    let (job, id) = queued(&fixture).await;
    fixture.make_unreadable(job.id).await;

    fixture.work().await;

    assert_eq!(fixture.job(job.id).await.state, JobState::Failed);
    assert_eq!(mail(&fixture, id).await.status, MailStatus::Failed);
}

#[tokio::test]
async fn the_outbox_says_why_its_job_ended() {
    let fixture = Fixture::new().await;
    let (job, id) = queued(&fixture).await;
    let lost = json!({"code": "WORKER_LOST", "message": "the worker that ran it went away"});

    end(&fixture, &job, JobState::Failed, Some(lost)).await;
    let first = mail(&fixture, id).await;
    end(&fixture, &job, JobState::Discarded, Some(json!({"message": "discarded by an operator"}))).await;

    assert_eq!(first.error.as_deref(), Some("the worker that ran it went away"));
    assert_eq!(mail(&fixture, id).await, first, "what it said first stands");
}

#[tokio::test]
async fn a_sent_mail_stays_sent_if_its_job_fails() {
    let fixture = Fixture::new().await;
    let (job, id) = queued(&fixture).await;
    fixture.work().await;
    let before = mail(&fixture, id).await;

    end(&fixture, &job, JobState::Failed, None).await;

    assert_ne!(before.status, MailStatus::Queued);
    assert_eq!(mail(&fixture, id).await, before);
}

#[test]
fn succeeded_jobs_have_no_effect() {
    for state in JobState::TERMINAL {
        assert_eq!(DeliveryEnded.wants(state), state != JobState::Succeeded, "{state}");
    }
}
