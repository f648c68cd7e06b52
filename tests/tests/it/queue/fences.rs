//! What an attempt tells of itself counts while it has its job, and every line of it.

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
    bed::Bed,
    stage::{Scripted, scripted},
};

/// The numbers of a job's events.
async fn numbers(bed: &Bed, id: JobId) -> Vec<i64> {
    let events = job_events::Entity::find()
        .filter(job_events::Column::JobId.eq(id))
        .order_by_asc(job_events::Column::Seq)
        .all(bed.queue.db())
        .await;
    events.expect("listed").into_iter().map(|event| event.seq).collect()
}

pub(super) async fn an_attempt_whose_job_was_taken_writes_nothing_any_more(bed: Bed) {
    let id = bed.queue.enqueue(scripted("stalled")).await.expect("enqueued").id;
    let kinds = [Scripted::KIND];
    let claimed = claim(&bed.queue, WorkerId::new(), QueueName::Stats, &kinds, 1).await.expect("claimed");
    let job = claimed.into_iter().next().expect("a job");
    assert!(write_log(&bed.queue, &job, "in time").await.expect("an answer"));

    let tx = bed.queue.begin().await.expect("a transaction");
    tx.cancel(id, None).await.expect("cancelled");
    assert!(tx.revoke_claim(id).await.expect("an answer"));
    tx.commit().await.expect("committed");

    assert!(!write_log(&bed.queue, &job, "too late").await.expect("an answer"));
    assert!(!write_progress(&bed.queue, &job, &json!({"percent": 50})).await.expect("an answer"));
    let end = vec![(job, Ending::Returned(Ok(Outcome::Done(json!({"said": "too late"})))))];
    let held = finish(&bed.queue, end, Backoff::Fixed(Duration::ZERO)).await.expect("an answer");
    assert_eq!(held, [false]);
    let ended = bed.reaches(id, JobState::Cancelled).await;
    assert_eq!((ended.result, ended.progress, numbers(&bed, id).await), (None, None, vec![1]));
}

pub(super) async fn an_attempt_of_an_ended_job_writes_nothing_any_more(bed: Bed) {
    let id = bed.queue.enqueue(scripted("late")).await.expect("enqueued").id;
    let kinds = [Scripted::KIND];
    let claimed = claim(&bed.queue, WorkerId::new(), QueueName::Stats, &kinds, 1).await.expect("claimed");
    let job = claimed.into_iter().next().expect("a job");
    let end = vec![(job.clone(), Ending::Returned(Ok(Outcome::done())))];
    finish(&bed.queue, end, Backoff::Fixed(Duration::ZERO)).await.expect("ended");

    assert!(!write_log(&bed.queue, &job, "too late").await.expect("an answer"));
    assert!(numbers(&bed, id).await.is_empty());
}

pub(super) async fn lines_that_are_written_at_the_same_time_are_all_kept(bed: Bed) {
    bed.stage.on("chatty", async |ctx| {
        join_all((0..20).map(|line| ctx.log(LogLevel::Info, line.to_string()))).await;
        Ok(Outcome::done())
    });
    let _worker = bed.worker(1);

    let id = bed.queue.enqueue(scripted("chatty")).await.expect("enqueued").id;

    bed.reaches(id, JobState::Succeeded).await;
    assert_eq!(numbers(&bed, id).await, (1..=20).collect::<Vec<_>>());
}
