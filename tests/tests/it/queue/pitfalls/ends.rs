use std::time::Duration;

use atelier_entities::{AttemptOutcome, JobState, WorkerId, jobs};
use atelier_queue::{Backoff, Ending, Job, JobError, Outcome, QueueName, bus::Message, rescue, testing};
use atelier_tests::in_time;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use serde_json::json;
use tokio::time::Instant;

use super::workers::{begun, gate, registry, start_worker};
use crate::queue::{
    fixture::{Fixture, HEARTBEAT},
    scripted::{WithEffect, scripted, with_effect},
};

const GRACE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b_an_interrupt_adds_no_error_and_keeps_the_rank() {
    let fixture = Fixture::postgres_in_process().await;
    fixture.handlers.on("interrupted", async |ctx| match ctx.attempt() {
        1 => Err(JobError::retry("FIRST", "the first attempt fails")),
        _ => std::future::pending().await,
    });
    let worker = fixture.worker(1);
    let id = fixture.queue.enqueue(scripted("interrupted")).await.expect("enqueued").id;
    fixture.until("the second attempt runs", async || (fixture.handlers.starts(id) == 2).then_some(())).await;
    let running = fixture.job(id).await;

    worker.stop().await;
    let handed_back = fixture.job(id).await;

    assert_eq!((handed_back.state, handed_back.attempt), (JobState::Available, 1));
    assert_eq!(handed_back.rank, running.rank, "it runs before later jobs");
    let attempts = fixture.queue.list_attempts(&handed_back).await.expect("attempts");
    assert_eq!(attempts.len(), 1, "the interrupted attempt is not counted: {attempts:?}");
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::Failed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_a_job_deleted_while_it_runs_breaks_no_other_end() {
    let fixture = Fixture::postgres_in_process().await;
    let gate = gate(&fixture.handlers, "gated");
    let _worker = fixture.worker(4);
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(fixture.queue.enqueue(scripted("gated")).await.expect("enqueued").id);
    }
    for id in &ids {
        begun(&fixture, *id).await;
    }

    jobs::Entity::delete_by_id(ids[1]).exec(fixture.queue.db()).await.expect("deleted");
    gate.add_permits(4);

    for id in [ids[0], ids[2], ids[3]] {
        fixture.reaches(id, JobState::Succeeded).await;
    }
    let next = fixture.queue.enqueue(scripted("next")).await.expect("enqueued").id;
    fixture.reaches(next, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_a_result_that_the_database_cannot_store_blocks_no_other_end() {
    let fixture = Fixture::postgres_in_process().await;
    fixture.handlers.on("nul", async |ctx| {
        ctx.progress(50, "half", "half\0way").await;
        Ok(Outcome::Done(json!({"text": "a\0b"})))
    });
    fixture.handlers.on("nul panic", async |_| panic!("a\0panic"));
    let _worker = fixture.worker(4);
    let mut ids = Vec::new();
    for name in ["nul", "plain", "plain"] {
        ids.push(fixture.queue.enqueue(scripted(name)).await.expect("enqueued").id);
    }
    let panics = fixture.queue.enqueue(scripted("nul panic")).await.expect("enqueued").id;

    for id in ids {
        fixture.reaches(id, JobState::Succeeded).await;
    }
    let job = fixture.reaches(panics, JobState::Failed).await;

    assert_eq!(job.error.expect("an error")["code"], "PANICKED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_a_concurrent_rescue_and_end_have_one_winner() {
    let fixture = Fixture::postgres_in_process().await;
    let (worker, kinds) = (WorkerId::new(), [WithEffect::KIND]);
    for round in 0..40 {
        let job = with_effect("raced").with_limits(1, Duration::from_secs(60));
        let id = fixture.queue.enqueue(job).await.expect("enqueued").id;
        let claimed =
            testing::claim(&fixture.queue, worker, QueueName::Stats, &kinds, 1).await.expect("claimed");
        fixture.queue.clock().advance(chrono::TimeDelta::from_std(HEARTBEAT * 3).expect("a time"));

        let ending = Ending::Returned(Ok(Outcome::done()));
        let ends = claimed.into_iter().map(|job| (job, ending.clone())).collect();
        let backoff = Backoff::Fixed(Duration::ZERO);
        let (finished, _, _) = tokio::join!(
            testing::finish(&fixture.queue, ends, backoff),
            rescue::tick(&fixture.queue),
            rescue::tick(&fixture.queue),
        );
        let held = finished.expect("an answer").contains(&true);
        let lost = fixture.job(id).await;

        let expected = if held { JobState::Succeeded } else { JobState::Failed };
        let job = if held { lost } else { fixture.reaches(id, JobState::Failed).await };
        assert_eq!((job.state, job.attempt), (expected, 1), "round {round}");
        assert_eq!(fixture.handlers.effects(id), [expected], "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_a_cancellation_that_no_worker_received_takes_effect() {
    let fixture = Fixture::postgres_in_process().await;
    let worker = WorkerId::new();
    let kinds = [WithEffect::KIND];
    let again = [
        Ending::Returned(Err(JobError::retry("AGAIN", "again"))),
        Ending::Returned(Ok(Outcome::Snooze(Duration::from_secs(3_600)))),
        Ending::Drained,
    ];
    for ending in again {
        let id = fixture.queue.enqueue(with_effect("unheard")).await.expect("enqueued").id;
        let claimed =
            testing::claim(&fixture.queue, worker, QueueName::Stats, &kinds, 1).await.expect("claimed");
        fixture.queue.cancel(id, None).await.expect("cancelled");

        let ends = claimed.into_iter().map(|job| (job, ending.clone())).collect();
        testing::finish(&fixture.queue, ends, Backoff::Fixed(Duration::ZERO)).await.expect("ended");

        assert_eq!(fixture.job(id).await.state, JobState::Cancelled, "{ending:?}");
        assert_eq!(fixture.handlers.effects(id), [JobState::Cancelled]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h_a_cancellation_among_lost_messages_takes_effect_at_the_next_heartbeat() {
    let fixture = Fixture::postgres_in_process().await;
    fixture.handlers.on("endless", async |_| std::future::pending().await);
    let _worker = fixture.worker(1);
    in_time(HEARTBEAT * 2 + Duration::from_secs(1), async || cancel_among_lost_messages(&fixture).await)
        .await;
}

/// The time from the cancellation of an endless job to its end.
async fn cancel_among_lost_messages(fixture: &Fixture) -> Duration {
    let id = fixture.queue.enqueue(scripted("endless")).await.expect("enqueued").id;
    begun(fixture, id).await;

    let tx = fixture.queue.begin().await.expect("a transaction");
    tx.cancel_about(&[uuid_of(fixture, id).await]).await.expect("cancelled");
    // Far more messages than the receiver buffers, before it can read them.
    for _ in 0..10_000 {
        fixture.queue.bus().publish(Message::Changed(Vec::new())).await;
    }
    tx.commit().await.expect("committed");
    let cancelled = Instant::now();
    for _ in 0..10_000 {
        fixture.queue.bus().publish(Message::Changed(Vec::new())).await;
    }

    fixture.reaches(id, JobState::Cancelled).await;
    cancelled.elapsed()
}

/// Sets the subject of the job and returns it.
async fn uuid_of(fixture: &Fixture, id: atelier_entities::JobId) -> uuid::Uuid {
    let mut row = fixture.job(id).await.into_active_model();
    row.subject_id = Set(Some(id.0));
    row.update(fixture.queue.db()).await.expect("a subject");
    id.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j_a_zero_or_negative_timeout_is_a_second_everywhere() {
    let fixture = Fixture::postgres_in_process().await;
    fixture.handlers.on("quick", async |_| {
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok(Outcome::done())
    });
    fixture.handlers.on("endless", async |_| std::future::pending().await);
    let job = |name| scripted(name).with_limits(1, Duration::ZERO);
    let enqueued = fixture.queue.enqueue(job("quick")).await.expect("enqueued").id;
    assert_eq!(fixture.job(enqueued).await.timeout_secs, 1);
    let mut cases = vec![(enqueued, JobState::Succeeded)];
    for secs in [0, -1, i32::MIN] {
        for (name, state) in [("quick", JobState::Succeeded), ("endless", JobState::Failed)] {
            let id = fixture.queue.enqueue(job(name)).await.expect("enqueued").id;
            let mut row = fixture.job(id).await.into_active_model();
            row.timeout_secs = Set(secs);
            row.update(fixture.queue.db()).await.expect("set");
            cases.push((id, state));
        }
    }

    let _worker = fixture.worker(8);
    for (id, state) in cases {
        let job = fixture.reaches(id, state).await;
        if state == JobState::Failed {
            assert_eq!(job.error.expect("an error")["code"], "TIMED_OUT");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k_a_drain_ends_with_the_last_job() {
    let fixture = Fixture::postgres_redis().await;
    let gate = gate(&fixture.handlers, "gated");
    // The job ends after 0.3 s.
    in_time(Duration::from_secs(2), async || {
        let hand = start_worker(&fixture.queue, registry(&fixture.handlers), &[QueueName::Stats], GRACE);
        let id = fixture.queue.enqueue(scripted("gated")).await.expect("enqueued").id;
        begun(&fixture, id).await;

        let (took, ()) = tokio::join!(hand.stop(), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            gate.add_permits(1);
        });

        assert_eq!(fixture.job(id).await.state, JobState::Succeeded, "it ran to its end");
        took
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k_an_idle_worker_stops_at_once() {
    let fixture = Fixture::postgres_redis().await;
    in_time(Duration::from_secs(1), async || {
        let hand = start_worker(
            &fixture.queue,
            registry(&fixture.handlers),
            &[QueueName::Stats, QueueName::Email],
            GRACE,
        );
        let id = fixture.queue.enqueue(scripted("done")).await.expect("enqueued").id;
        fixture.reaches(id, JobState::Succeeded).await;

        hand.stop().await
    })
    .await;
}
