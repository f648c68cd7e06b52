use std::time::Duration;

use atelier_entities::{JobId, JobState, WorkerId};
use atelier_queue::{Job, NewJob, QueueName, testing};

use super::workers::{Crashing, gate, registry, start_worker};
use crate::queue::{
    fixture::{Fixture, HEARTBEAT},
    scripted::{Scripted, WithEffect, scripted, with_effect},
};

/// Enqueues jobs and claims all of them for a worker that does nothing else.
async fn claimed(
    fixture: &Fixture,
    job: impl Fn() -> NewJob,
    kind: &'static str,
    count: usize,
) -> Vec<JobId> {
    let tx = fixture.queue.begin().await.expect("a transaction");
    tx.enqueue_all((0..count).map(|_| job()).collect()).await.expect("enqueued");
    tx.commit().await.expect("committed");
    let worker = WorkerId::new();
    let claimed =
        testing::claim(&fixture.queue, worker, QueueName::Stats, &[kind], count).await.expect("claimed");
    assert_eq!(claimed.len(), count);
    claimed.into_iter().map(|job| job.id).collect()
}

fn expire_leases(fixture: &Fixture) {
    fixture.queue.clock().advance(chrono::TimeDelta::from_std(HEARTBEAT * 3).expect("a time"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_long_jobs_do_not_starve_a_rescue() {
    let fixture = Fixture::postgres_in_process().await;
    let (long, lost) = (WorkerId::new(), WorkerId::new());
    let tx = fixture.queue.begin().await.expect("a transaction");
    tx.enqueue_all((0..301).map(|_| scripted("long")).collect()).await.expect("enqueued");
    tx.commit().await.expect("committed");
    let claim = async |worker, count| {
        let kinds = [Scripted::KIND];
        testing::claim(&fixture.queue, worker, QueueName::Stats, &kinds, count).await.expect("claimed")
    };
    let running: Vec<JobId> = claim(long, 300).await.iter().map(|job| job.id).collect();
    let last = claim(lost, 1).await[0].id;

    for _ in 0..2 {
        fixture.queue.clock().advance(chrono::TimeDelta::from_std(HEARTBEAT).expect("a time"));
        testing::extend(&fixture.queue, long, &running).await.expect("extended");
    }
    fixture.queue.clock().advance(chrono::TimeDelta::milliseconds(100));

    fixture.reaches(last, JobState::Available).await;
    for id in [running[0], running[299]] {
        assert_eq!(fixture.job(id).await.state, JobState::Running);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_failing_effects_do_not_starve_a_rescue() {
    let fixture = Fixture::postgres_in_process().await;
    fixture.handlers.fail_effects(u32::MAX);
    let last_attempt = || with_effect("stuck").with_limits(1, Duration::from_secs(60));
    let stuck = claimed(&fixture, last_attempt, WithEffect::KIND, 120).await;
    let lost = claimed(&fixture, || scripted("lost"), Scripted::KIND, 1).await;

    expire_leases(&fixture);
    fixture.reaches(lost[0], JobState::Available).await;
    assert_eq!(fixture.job(stuck[0]).await.state, JobState::Running, "its end cannot be written");

    fixture.handlers.fail_effects(0);
    for id in stuck {
        fixture.reaches(id, JobState::Failed).await;
        assert_eq!(fixture.handlers.effects(id), [JobState::Failed]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_failing_effects_do_not_stop_a_relay() {
    let fixture = Fixture::postgres_redis().await;
    fixture.handlers.fail_effects(u32::MAX);
    let soon = fixture.queue.now() + Duration::from_millis(10);
    let expiring = fixture.queue.enqueue(with_effect("late").expiring(soon)).await.expect("enqueued").id;
    let delayed = fixture.queue.enqueue(scripted("delayed").at(soon)).await.expect("enqueued").id;
    fixture.reaches(delayed, JobState::Available).await;
    fixture.forget_transport().await;

    let _worker = fixture.worker(1);
    fixture.reaches(delayed, JobState::Succeeded).await;
    fixture.handlers.fail_effects(0);

    fixture.reaches(expiring, JobState::Cancelled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_the_lease_of_a_lost_claim_is_not_extended() {
    let fixture = Fixture::postgres_in_process().await;
    let worker = WorkerId::new();
    let kinds = [Scripted::KIND];
    let unknown = fixture.queue.enqueue(scripted("unknown")).await.expect("enqueued").id;
    testing::claim(&fixture.queue, worker, QueueName::Stats, &kinds, 1).await.expect("claimed");
    let known = fixture.queue.enqueue(scripted("known")).await.expect("enqueued").id;
    testing::claim(&fixture.queue, worker, QueueName::Stats, &kinds, 1).await.expect("claimed");

    // The worker sends heartbeats, but knows only one job.
    for _ in 0..3 {
        fixture.queue.clock().advance(chrono::TimeDelta::from_std(HEARTBEAT).expect("a time"));
        testing::extend(&fixture.queue, worker, &[known]).await.expect("extended");
    }

    fixture.reaches(unknown, JobState::Available).await;
    assert_eq!(fixture.job(known).await.state, JobState::Running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l_crashing_jobs_do_not_affect_other_queues() {
    let fixture = Fixture::postgres_redis().await;
    let gate = gate(&fixture.handlers, "gated");
    let queues = [QueueName::Email, QueueName::Stats];
    let hand = start_worker(&fixture.queue, registry(&fixture.handlers), &queues, Duration::from_secs(20));
    let gated = fixture.queue.enqueue(scripted("gated")).await.expect("enqueued").id;
    let tx = fixture.queue.begin().await.expect("a transaction");
    let crashing = (0..60).map(|_| NewJob::of(&Crashing {})).collect();
    let crashing = tx.enqueue_all(crashing).await.expect("enqueued");
    let neighbours = tx.enqueue_all((0..60).map(|_| scripted("fine")).collect()).await.expect("enqueued");
    tx.commit().await.expect("committed");

    for job in neighbours {
        let job = fixture.reaches(job.id, JobState::Succeeded).await;
        assert_eq!(job.attempt, 1, "it was not disturbed");
    }
    for job in crashing {
        let job = fixture.reaches(job.id, JobState::Failed).await;
        assert_eq!(job.attempt, 3, "each used all its attempts");
    }
    gate.add_permits(1);

    assert_eq!(fixture.reaches(gated, JobState::Succeeded).await.attempt, 1, "it ran all the time");
    hand.stop().await;
}
