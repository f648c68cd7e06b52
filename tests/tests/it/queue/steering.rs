use std::time::Duration;

use atelier_entities::{JobState, UserId};
use atelier_queue::{
    JobError, Outcome, QueueError, QueueName,
    inspect::{JobFilter, Page},
};
use atelier_tests::in_time;
use tokio::time::Instant;

use super::{
    fixture::Fixture,
    scripted::{scripted, with_effect},
};

pub(super) async fn a_waiting_job_is_cancelled_at_once(fixture: Fixture) {
    let id = fixture.queue.enqueue(scripted("waiting")).await.expect("enqueued").id;

    let job = fixture.queue.cancel(id, None).await.expect("cancelled");
    let _worker = fixture.worker(1);
    let other = fixture.queue.enqueue(scripted("other")).await.expect("enqueued").id;
    fixture.reaches(other, JobState::Succeeded).await;

    assert_eq!(job.state, JobState::Cancelled);
    assert_eq!(fixture.handlers.starts(id), 0);
}

pub(super) async fn a_running_job_is_cancelled_while_it_runs(fixture: Fixture) {
    fixture.handlers.on("endless", async |_| std::future::pending().await);
    let _worker = fixture.worker(1);

    in_time(Duration::from_secs(1), async || {
        let id = fixture.queue.enqueue(with_effect("endless")).await.expect("enqueued").id;
        fixture.reaches(id, JobState::Running).await;

        let asked = Instant::now();
        fixture.queue.cancel(id, None).await.expect("cancelled");
        fixture.reaches(id, JobState::Cancelled).await;

        assert_eq!(fixture.handlers.effects(id), [JobState::Cancelled]);
        asked.elapsed()
    })
    .await;
}

pub(super) async fn an_ended_job_cannot_be_cancelled(fixture: Fixture) {
    let _worker = fixture.worker(1);
    let id = fixture.queue.enqueue(scripted("done")).await.expect("enqueued").id;
    fixture.reaches(id, JobState::Succeeded).await;

    let refused = fixture.queue.cancel(id, None).await;

    assert!(matches!(refused, Err(QueueError::WrongState { state: JobState::Succeeded, .. })), "{refused:?}");
    assert_eq!(fixture.job(id).await.state, JobState::Succeeded);
}

pub(super) async fn a_failed_job_can_be_run_again(fixture: Fixture) {
    let handlers = fixture.handlers.clone();
    fixture.handlers.on("second", move |ctx| {
        let first = handlers.starts(ctx.id()) == 1;
        async move { if first { Err(JobError::fail("BROKEN", "broken")) } else { Ok(Outcome::done()) } }
    });
    let _worker = fixture.worker(1);
    let id = fixture.queue.enqueue(scripted("second")).await.expect("enqueued").id;
    fixture.reaches(id, JobState::Failed).await;

    fixture.queue.retry(id, None).await.expect("run again");
    let job = fixture.reaches(id, JobState::Succeeded).await;
    let refused = fixture.queue.retry(id, None).await;

    assert_eq!(job.error, None);
    assert!(matches!(refused, Err(QueueError::WrongState { .. })), "success is final: {refused:?}");
}

pub(super) async fn a_paused_queue_starts_no_job(fixture: Fixture) {
    let _worker = fixture.worker(1);
    fixture.queue.pause(QueueName::Stats, None).await.expect("paused");
    let id = fixture.queue.enqueue(scripted("held")).await.expect("enqueued").id;
    let overview = fixture.queue.queue_overview().await.expect("an overview");
    let stats = overview.iter().find(|queue| queue.queue == QueueName::Stats).expect("the queue");
    assert!(stats.is_paused());
    let why = fixture.queue.why(&fixture.job(id).await).await.expect("a reason");
    assert_eq!(why.code, "QUEUE_PAUSED");
    assert!(why.message.contains("paused since") && why.by.is_none(), "{}", why.message);
    fixture.queue.enqueue(scripted("held too")).await.expect("enqueued");
    assert!(fixture.handlers.order().is_empty());

    fixture.queue.resume(QueueName::Stats).await.expect("resumed");
    fixture.reaches(id, JobState::Succeeded).await;
}

pub(super) async fn another_owner_can_neither_read_nor_cancel_a_job(fixture: Fixture) {
    let (mine, theirs) = (UserId::new(), UserId::new());
    let id = fixture.queue.enqueue(scripted("mine").owned_by(mine)).await.expect("enqueued").id;

    assert!(fixture.queue.find_job(id, Some(theirs)).await.expect("a database").is_none());
    assert!(matches!(fixture.queue.cancel(id, Some(theirs)).await, Err(QueueError::NotFound)));
    assert!(matches!(fixture.queue.retry(id, Some(theirs)).await, Err(QueueError::NotFound)));
    let page = Page { number: 1, size: 10 };
    let of = |owner| JobFilter { owner: Some(owner), ..JobFilter::default() };
    assert_eq!(fixture.queue.list_jobs(&of(theirs), page).await.expect("a list").1, 0);
    assert_eq!(fixture.queue.list_jobs(&of(mine), page).await.expect("a list").1, 1);
}

pub(super) async fn a_waiting_job_says_why(fixture: Fixture) {
    let first = fixture.queue.enqueue(scripted("first")).await.expect("enqueued").id;
    let later = fixture.queue.now() + Duration::from_secs(3600);
    let scheduled = fixture.queue.enqueue(scripted("scheduled").at(later)).await.expect("enqueued").id;
    let code = async |id| fixture.queue.why(&fixture.job(id).await).await.expect("a reason").code;
    assert_eq!(code(first).await, "NO_WORKER");
    assert_eq!(code(scheduled).await, "SCHEDULED");

    fixture.handlers.on("endless", async |_| std::future::pending().await);
    let _worker = fixture.worker(1);
    fixture.reaches(first, JobState::Succeeded).await;
    let running = fixture.queue.enqueue(scripted("endless")).await.expect("enqueued").id;
    fixture.reaches(running, JobState::Running).await;
    let next = fixture.queue.enqueue(scripted("next")).await.expect("enqueued").id;

    assert_eq!(code(first).await, "ENDED");
    assert_eq!(code(running).await, "RUNNING");
    let why = fixture.queue.why(&fixture.job(next).await).await.expect("a reason");
    assert_eq!((why.code.as_ref(), why.position), ("WAITING_TURN", Some(0)));
}
