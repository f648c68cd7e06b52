use std::time::Duration;

use atelier_entities::{AttemptOutcome, JobState, WorkerId, jobs};
use atelier_queue::{Backoff, Ending, Job, JobError, Outcome, QueueName, bus::Message, rescue, testing};
use atelier_tests::in_time;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use serde_json::json;
use tokio::time::Instant;

use super::crew::{begun, gate, hire, registry};
use crate::queue::{
    bed::{Bed, HEARTBEAT},
    stage::{WithEffect, scripted, with_effect},
};

const GRACE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b_an_interrupt_adds_no_error_and_loses_no_place() {
    let bed = Bed::postgres_in_process().await;
    bed.stage.on("interrupted", async |ctx| match ctx.attempt() {
        1 => Err(JobError::retry("FIRST", "the first attempt fails")),
        _ => std::future::pending().await,
    });
    let worker = bed.worker(1);
    let id = bed.queue.enqueue(scripted("interrupted")).await.expect("enqueued").id;
    bed.until("the second attempt runs", async || (bed.stage.starts(id) == 2).then_some(())).await;
    let running = bed.job(id).await;

    worker.stop().await;
    let handed_back = bed.job(id).await;

    assert_eq!((handed_back.state, handed_back.attempt), (JobState::Available, 1));
    assert_eq!(handed_back.rank, running.rank, "it goes on before what came later");
    let attempts = bed.queue.list_attempts(&handed_back).await.expect("attempts");
    assert_eq!(attempts.len(), 1, "the interrupted attempt is none: {attempts:?}");
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::Failed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_a_job_deleted_while_it_runs_breaks_no_other_end() {
    let bed = Bed::postgres_in_process().await;
    let gate = gate(&bed.stage, "gated");
    let _worker = bed.worker(4);
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(bed.queue.enqueue(scripted("gated")).await.expect("enqueued").id);
    }
    for id in &ids {
        begun(&bed, *id).await;
    }

    jobs::Entity::delete_by_id(ids[1]).exec(bed.queue.db()).await.expect("deleted");
    gate.add_permits(4);

    for id in [ids[0], ids[2], ids[3]] {
        bed.reaches(id, JobState::Succeeded).await;
    }
    let next = bed.queue.enqueue(scripted("next")).await.expect("enqueued").id;
    bed.reaches(next, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_what_the_database_cannot_keep_breaks_no_end() {
    let bed = Bed::postgres_in_process().await;
    bed.stage.on("nul", async |ctx| {
        ctx.progress(50, "half", "half\0way").await;
        Ok(Outcome::Done(json!({"text": "a\0b"})))
    });
    bed.stage.on("nul panic", async |_| panic!("a\0panic"));
    let _worker = bed.worker(4);
    let mut ids = Vec::new();
    for name in ["nul", "plain", "plain"] {
        ids.push(bed.queue.enqueue(scripted(name)).await.expect("enqueued").id);
    }
    let panics = bed.queue.enqueue(scripted("nul panic")).await.expect("enqueued").id;

    for id in ids {
        bed.reaches(id, JobState::Succeeded).await;
    }
    let job = bed.reaches(panics, JobState::Failed).await;

    assert_eq!(job.error.expect("an error")["code"], "PANICKED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_a_rescue_and_an_end_that_meet_have_one_winner() {
    let bed = Bed::postgres_in_process().await;
    let (worker, kinds) = (WorkerId::new(), [WithEffect::KIND]);
    for round in 0..40 {
        let job = with_effect("raced").with_limits(1, Duration::from_secs(60));
        let id = bed.queue.enqueue(job).await.expect("enqueued").id;
        let claimed = testing::claim(&bed.queue, worker, QueueName::Stats, &kinds, 1).await.expect("claimed");
        bed.queue.clock().advance(chrono::TimeDelta::from_std(HEARTBEAT * 3).expect("a time"));

        let ending = Ending::Returned(Ok(Outcome::done()));
        let ends = claimed.into_iter().map(|job| (job, ending.clone())).collect();
        let backoff = Backoff::Fixed(Duration::ZERO);
        let (finished, _, _) = tokio::join!(
            testing::finish(&bed.queue, ends, backoff),
            rescue::tick(&bed.queue),
            rescue::tick(&bed.queue),
        );
        let held = finished.expect("an answer").contains(&true);
        let lost = bed.job(id).await;

        let expected = if held { JobState::Succeeded } else { JobState::Failed };
        let job = if held { lost } else { bed.reaches(id, JobState::Failed).await };
        assert_eq!((job.state, job.attempt), (expected, 1), "round {round}");
        assert_eq!(bed.stage.effects(id), [expected], "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_a_cancellation_that_no_worker_heard_of_is_kept() {
    let bed = Bed::postgres_in_process().await;
    let worker = WorkerId::new();
    let kinds = [WithEffect::KIND];
    let again = [
        Ending::Returned(Err(JobError::retry("AGAIN", "again"))),
        Ending::Returned(Ok(Outcome::Snooze(Duration::from_secs(3_600)))),
        Ending::Drained,
    ];
    for ending in again {
        let id = bed.queue.enqueue(with_effect("unheard")).await.expect("enqueued").id;
        let claimed = testing::claim(&bed.queue, worker, QueueName::Stats, &kinds, 1).await.expect("claimed");
        bed.queue.cancel(id, None).await.expect("cancelled");

        let ends = claimed.into_iter().map(|job| (job, ending.clone())).collect();
        testing::finish(&bed.queue, ends, Backoff::Fixed(Duration::ZERO)).await.expect("ended");

        assert_eq!(bed.job(id).await.state, JobState::Cancelled, "{ending:?}");
        assert_eq!(bed.stage.effects(id), [JobState::Cancelled]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h_a_cancellation_among_lost_news_waits_for_a_heartbeat_only() {
    let bed = Bed::postgres_in_process().await;
    bed.stage.on("endless", async |_| std::future::pending().await);
    let _worker = bed.worker(1);
    in_time(HEARTBEAT * 2 + Duration::from_secs(1), async || cancelled_among_lost_news(&bed).await).await;
}

/// How long after its cancellation an endless job ends.
async fn cancelled_among_lost_news(bed: &Bed) -> Duration {
    let id = bed.queue.enqueue(scripted("endless")).await.expect("enqueued").id;
    begun(bed, id).await;

    let tx = bed.queue.begin().await.expect("a transaction");
    tx.cancel_about(&[uuid_of(bed, id).await]).await.expect("cancelled");
    // Far more news than is kept, before anybody can read.
    for _ in 0..10_000 {
        bed.queue.bus().publish(Message::Changed(Vec::new())).await;
    }
    tx.commit().await.expect("committed");
    let cancelled = Instant::now();
    for _ in 0..10_000 {
        bed.queue.bus().publish(Message::Changed(Vec::new())).await;
    }

    bed.reaches(id, JobState::Cancelled).await;
    cancelled.elapsed()
}

/// Gives the job a subject and answers it.
async fn uuid_of(bed: &Bed, id: atelier_entities::JobId) -> uuid::Uuid {
    let mut row = bed.job(id).await.into_active_model();
    row.subject_id = Set(Some(id.0));
    row.update(bed.queue.db()).await.expect("a subject");
    id.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j_a_zero_or_negative_timeout_is_a_second_everywhere() {
    let bed = Bed::postgres_in_process().await;
    bed.stage.on("quick", async |_| {
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok(Outcome::done())
    });
    bed.stage.on("endless", async |_| std::future::pending().await);
    let job = |name| scripted(name).with_limits(1, Duration::ZERO);
    let enqueued = bed.queue.enqueue(job("quick")).await.expect("enqueued").id;
    assert_eq!(bed.job(enqueued).await.timeout_secs, 1);
    let mut cases = vec![(enqueued, JobState::Succeeded)];
    for secs in [0, -1, i32::MIN] {
        for (name, state) in [("quick", JobState::Succeeded), ("endless", JobState::Failed)] {
            let id = bed.queue.enqueue(job(name)).await.expect("enqueued").id;
            let mut row = bed.job(id).await.into_active_model();
            row.timeout_secs = Set(secs);
            row.update(bed.queue.db()).await.expect("set");
            cases.push((id, state));
        }
    }

    let _worker = bed.worker(8);
    for (id, state) in cases {
        let job = bed.reaches(id, state).await;
        if state == JobState::Failed {
            assert_eq!(job.error.expect("an error")["code"], "TIMED_OUT");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k_a_drain_ends_with_the_last_job() {
    let bed = Bed::postgres_redis().await;
    let gate = gate(&bed.stage, "gated");
    // The job ends after 0.3 s.
    in_time(Duration::from_secs(2), async || {
        let hand = hire(&bed.queue, registry(&bed.stage), &[QueueName::Stats], GRACE);
        let id = bed.queue.enqueue(scripted("gated")).await.expect("enqueued").id;
        begun(&bed, id).await;

        let (took, ()) = tokio::join!(hand.stop(), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            gate.add_permits(1);
        });

        assert_eq!(bed.job(id).await.state, JobState::Succeeded, "it was let run to its end");
        took
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k_an_idle_worker_stops_at_once() {
    let bed = Bed::postgres_redis().await;
    in_time(Duration::from_secs(1), async || {
        let hand = hire(&bed.queue, registry(&bed.stage), &[QueueName::Stats, QueueName::Email], GRACE);
        let id = bed.queue.enqueue(scripted("done")).await.expect("enqueued").id;
        bed.reaches(id, JobState::Succeeded).await;

        hand.stop().await
    })
    .await;
}
