use std::sync::Arc;

use atelier_entities::jobs;
use atelier_queue::Job;
use serde_json::{Value, json};

use super::*;
use crate::{mail::DeliverMail, testing::Bench};

/// A welcome mail and the job that delivers it.
async fn queued(bench: &Bench) -> (jobs::Model, MailId) {
    bench.register("ada@example.org").await;
    let job = bench.jobs_of_kind("email.deliver").await.remove(0);
    let id = MailId(job.subject_id.expect("a mail"));
    (job, id)
}

async fn mail(bench: &Bench, id: MailId) -> mail_messages::Model {
    let found = mail_messages::Entity::find_by_id(id).one(bench.services.queue.db()).await;
    found.expect("asked").expect("there")
}

async fn end(bench: &Bench, job: &jobs::Model, state: JobState, error: Option<Value>) {
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
    let tx = bench.services.queue.begin().await.expect("begun");
    DeliveryEnded.on_end(&tx, &ended).await.expect("applied");
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn a_mail_whose_delivery_is_cancelled_has_failed() {
    let bench = Bench::new().await;
    let (job, id) = queued(&bench).await;

    bench.services.queue.cancel(job.id, None).await.expect("cancelled");

    let mail = mail(&bench, id).await;
    assert_eq!((mail.status, mail.error.as_deref()), (MailStatus::Failed, Some("cancelled before it ran")));
}

#[tokio::test]
async fn a_mail_whose_job_is_unreadable_has_failed() {
    let bench = Bench::new().await;
    let (job, id) = queued(&bench).await;
    bench.make_unreadable(job.id).await;

    bench.work().await;

    assert_eq!(bench.job(job.id).await.state, JobState::Failed);
    assert_eq!(mail(&bench, id).await.status, MailStatus::Failed);
}

#[tokio::test]
async fn the_outbox_says_why_its_job_ended() {
    let bench = Bench::new().await;
    let (job, id) = queued(&bench).await;
    let lost = json!({"code": "WORKER_LOST", "message": "the worker that ran it went away"});

    end(&bench, &job, JobState::Failed, Some(lost)).await;
    let first = mail(&bench, id).await;
    end(&bench, &job, JobState::Discarded, Some(json!({"message": "discarded by an operator"}))).await;

    assert_eq!(first.error.as_deref(), Some("the worker that ran it went away"));
    assert_eq!(mail(&bench, id).await, first, "what it said first stands");
}

#[tokio::test]
async fn a_sent_mail_stays_sent_if_its_job_fails() {
    let bench = Bench::new().await;
    let (job, id) = queued(&bench).await;
    bench.work().await;
    let before = mail(&bench, id).await;

    end(&bench, &job, JobState::Failed, None).await;

    assert_ne!(before.status, MailStatus::Queued);
    assert_eq!(mail(&bench, id).await, before);
}

#[test]
fn succeeded_jobs_have_no_effect() {
    for state in JobState::TERMINAL {
        assert_eq!(DeliveryEnded.wants(state), state != JobState::Succeeded, "{state}");
    }
}
