use std::time::Duration;

use atelier_entities::{JobState, UserId};
use atelier_queue::{
    JobError, Outcome, QueueError, QueueName,
    inspect::{JobFilter, Page},
};
use atelier_tests::in_time;
use tokio::time::Instant;

use super::{
    bed::Bed,
    stage::{scripted, with_effect},
};

pub(super) async fn a_waiting_job_is_cancelled_at_once(bed: Bed) {
    let id = bed.queue.enqueue(scripted("waiting")).await.expect("enqueued").id;

    let job = bed.queue.cancel(id, None).await.expect("cancelled");
    let _worker = bed.worker(1);
    let other = bed.queue.enqueue(scripted("other")).await.expect("enqueued").id;
    bed.reaches(other, JobState::Succeeded).await;

    assert_eq!(job.state, JobState::Cancelled);
    assert_eq!(bed.stage.starts(id), 0);
}

pub(super) async fn a_running_job_is_cancelled_while_it_runs(bed: Bed) {
    bed.stage.on("endless", async |_| std::future::pending().await);
    let _worker = bed.worker(1);

    in_time(Duration::from_secs(1), async || {
        let id = bed.queue.enqueue(with_effect("endless")).await.expect("enqueued").id;
        bed.reaches(id, JobState::Running).await;

        let asked = Instant::now();
        bed.queue.cancel(id, None).await.expect("cancelled");
        bed.reaches(id, JobState::Cancelled).await;

        assert_eq!(bed.stage.effects(id), [JobState::Cancelled]);
        asked.elapsed()
    })
    .await;
}

pub(super) async fn an_ended_job_cannot_be_cancelled(bed: Bed) {
    let _worker = bed.worker(1);
    let id = bed.queue.enqueue(scripted("done")).await.expect("enqueued").id;
    bed.reaches(id, JobState::Succeeded).await;

    let refused = bed.queue.cancel(id, None).await;

    assert!(matches!(refused, Err(QueueError::WrongState { state: JobState::Succeeded, .. })), "{refused:?}");
    assert_eq!(bed.job(id).await.state, JobState::Succeeded);
}

pub(super) async fn a_failed_job_can_be_run_again(bed: Bed) {
    let stage = bed.stage.clone();
    bed.stage.on("second", move |ctx| {
        let first = stage.starts(ctx.id()) == 1;
        async move { if first { Err(JobError::fail("BROKEN", "broken")) } else { Ok(Outcome::done()) } }
    });
    let _worker = bed.worker(1);
    let id = bed.queue.enqueue(scripted("second")).await.expect("enqueued").id;
    bed.reaches(id, JobState::Failed).await;

    bed.queue.retry(id, None).await.expect("run again");
    let job = bed.reaches(id, JobState::Succeeded).await;
    let refused = bed.queue.retry(id, None).await;

    assert_eq!(job.error, None);
    assert!(matches!(refused, Err(QueueError::WrongState { .. })), "success is final: {refused:?}");
}

pub(super) async fn a_paused_queue_starts_nothing(bed: Bed) {
    let _worker = bed.worker(1);
    bed.queue.pause(QueueName::Stats, None).await.expect("paused");
    let id = bed.queue.enqueue(scripted("held")).await.expect("enqueued").id;
    let overview = bed.queue.queue_overview().await.expect("an overview");
    let stats = overview.iter().find(|queue| queue.queue == QueueName::Stats).expect("the queue");
    assert!(stats.is_paused());
    let why = bed.queue.why(&bed.job(id).await).await.expect("a reason");
    assert_eq!(why.code, "QUEUE_PAUSED");
    assert!(why.message.contains("paused since") && why.by.is_none(), "{}", why.message);
    bed.queue.enqueue(scripted("held too")).await.expect("enqueued");
    assert!(bed.stage.order().is_empty());

    bed.queue.resume(QueueName::Stats).await.expect("resumed");
    bed.reaches(id, JobState::Succeeded).await;
}

pub(super) async fn another_owner_sees_and_cancels_nothing(bed: Bed) {
    let (mine, theirs) = (UserId::new(), UserId::new());
    let id = bed.queue.enqueue(scripted("mine").owned_by(mine)).await.expect("enqueued").id;

    assert!(bed.queue.find_job(id, Some(theirs)).await.expect("a database").is_none());
    assert!(matches!(bed.queue.cancel(id, Some(theirs)).await, Err(QueueError::NotFound)));
    assert!(matches!(bed.queue.retry(id, Some(theirs)).await, Err(QueueError::NotFound)));
    let page = Page { number: 1, size: 10 };
    let of = |owner| JobFilter { owner: Some(owner), ..JobFilter::default() };
    assert_eq!(bed.queue.list_jobs(&of(theirs), page).await.expect("a list").1, 0);
    assert_eq!(bed.queue.list_jobs(&of(mine), page).await.expect("a list").1, 1);
}

pub(super) async fn a_waiting_job_says_why(bed: Bed) {
    let first = bed.queue.enqueue(scripted("first")).await.expect("enqueued").id;
    let later = bed.queue.now() + Duration::from_secs(3600);
    let scheduled = bed.queue.enqueue(scripted("scheduled").at(later)).await.expect("enqueued").id;
    let code = async |id| bed.queue.why(&bed.job(id).await).await.expect("a reason").code;
    assert_eq!(code(first).await, "NO_WORKER");
    assert_eq!(code(scheduled).await, "SCHEDULED");

    bed.stage.on("endless", async |_| std::future::pending().await);
    let _worker = bed.worker(1);
    bed.reaches(first, JobState::Succeeded).await;
    let running = bed.queue.enqueue(scripted("endless")).await.expect("enqueued").id;
    bed.reaches(running, JobState::Running).await;
    let next = bed.queue.enqueue(scripted("next")).await.expect("enqueued").id;

    assert_eq!(code(first).await, "ENDED");
    assert_eq!(code(running).await, "RUNNING");
    let why = bed.queue.why(&bed.job(next).await).await.expect("a reason");
    assert_eq!((why.code.as_ref(), why.position), ("WAITING_TURN", Some(0)));
}
