//! An attempt can write progress and log lines only while its fence is valid.

use atelier_entities::{JobId, JobState, WorkerId, job_events};
use atelier_queue::{
    Backoff, Ending, Job, LogLevel, Outcome, QueueName,
    testing::{claim, finish, write_log, write_progress},
};
use futures::future::join_all;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;
use std::time::Duration;

use super::{
    fixture::Fixture,
    scripted::{Scripted, scripted},
};

/// The numbers of a job's events.
async fn numbers(fixture: &Fixture, id: JobId) -> Vec<i64> {
    let events = job_events::Entity::find()
        .filter(job_events::Column::JobId.eq(id))
        .order_by_asc(job_events::Column::Seq)
        .all(fixture.queue.db())
        .await;
    events.expect("listed").into_iter().map(|event| event.seq).collect()
}

pub(super) async fn an_attempt_whose_job_was_claimed_again_writes_nothing(fixture: Fixture) {
    let id = fixture.queue.enqueue(scripted("stalled")).await.expect("enqueued").id;
    let kinds = [Scripted::KIND];
    let claimed = claim(&fixture.queue, WorkerId::new(), QueueName::Stats, &kinds, 1).await.expect("claimed");
    let job = claimed.into_iter().next().expect("a job");
    assert!(write_log(&fixture.queue, &job, "in time").await.expect("an answer"));

    let tx = fixture.queue.begin().await.expect("a transaction");
    tx.cancel(id, None).await.expect("cancelled");
    assert!(tx.revoke_claim(id).await.expect("an answer"));
    tx.commit().await.expect("committed");

    assert!(!write_log(&fixture.queue, &job, "too late").await.expect("an answer"));
    assert!(!write_progress(&fixture.queue, &job, &json!({"percent": 50})).await.expect("an answer"));
    let end = vec![(job, Ending::Returned(Ok(Outcome::Done(json!({"said": "too late"})))))];
    let held = finish(&fixture.queue, end, Backoff::Fixed(Duration::ZERO)).await.expect("an answer");
    assert_eq!(held, [false]);
    let ended = fixture.reaches(id, JobState::Cancelled).await;
    assert_eq!((ended.result, ended.progress, numbers(&fixture, id).await), (None, None, vec![1]));
}

pub(super) async fn an_attempt_of_an_ended_job_writes_nothing(fixture: Fixture) {
    let id = fixture.queue.enqueue(scripted("late")).await.expect("enqueued").id;
    let kinds = [Scripted::KIND];
    let claimed = claim(&fixture.queue, WorkerId::new(), QueueName::Stats, &kinds, 1).await.expect("claimed");
    let job = claimed.into_iter().next().expect("a job");
    let end = vec![(job.clone(), Ending::Returned(Ok(Outcome::done())))];
    finish(&fixture.queue, end, Backoff::Fixed(Duration::ZERO)).await.expect("ended");

    assert!(!write_log(&fixture.queue, &job, "too late").await.expect("an answer"));
    assert!(numbers(&fixture, id).await.is_empty());
}

pub(super) async fn concurrent_log_lines_are_all_stored(fixture: Fixture) {
    fixture.handlers.on("chatty", async |ctx| {
        join_all((0..20).map(|line| ctx.log(LogLevel::Info, line.to_string()))).await;
        Ok(Outcome::done())
    });
    let _worker = fixture.worker(1);

    let id = fixture.queue.enqueue(scripted("chatty")).await.expect("enqueued").id;

    fixture.reaches(id, JobState::Succeeded).await;
    assert_eq!(numbers(&fixture, id).await, (1..=20).collect::<Vec<_>>());
}
