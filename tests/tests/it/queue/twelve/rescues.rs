use std::time::Duration;

use atelier_entities::{JobId, JobState, WorkerId};
use atelier_queue::{Job, NewJob, QueueName, testing};

use super::crew::{Crashing, gate, hire, registry};
use crate::queue::{
    bed::{Bed, HEARTBEAT},
    stage::{Scripted, WithEffect, scripted, with_effect},
};

/// Enqueues jobs and claims them all for a worker that does nothing more.
async fn claimed(bed: &Bed, job: impl Fn() -> NewJob, kind: &'static str, count: usize) -> Vec<JobId> {
    let tx = bed.queue.begin().await.expect("a transaction");
    tx.enqueue_all((0..count).map(|_| job()).collect()).await.expect("enqueued");
    tx.commit().await.expect("committed");
    let worker = WorkerId::new();
    let claimed =
        testing::claim(&bed.queue, worker, QueueName::Stats, &[kind], count).await.expect("claimed");
    assert_eq!(claimed.len(), count);
    claimed.into_iter().map(|job| job.id).collect()
}

fn past_every_lease(bed: &Bed) {
    bed.queue.clock().advance(chrono::TimeDelta::from_std(HEARTBEAT * 3).expect("a time"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_a_rescue_is_not_starved_by_jobs_that_run_long() {
    let bed = Bed::postgres_in_process().await;
    let (long, lost) = (WorkerId::new(), WorkerId::new());
    let tx = bed.queue.begin().await.expect("a transaction");
    tx.enqueue_all((0..301).map(|_| scripted("long")).collect()).await.expect("enqueued");
    tx.commit().await.expect("committed");
    let claim = async |worker, count| {
        let kinds = [Scripted::KIND];
        testing::claim(&bed.queue, worker, QueueName::Stats, &kinds, count).await.expect("claimed")
    };
    let running: Vec<JobId> = claim(long, 300).await.iter().map(|job| job.id).collect();
    let last = claim(lost, 1).await[0].id;

    for _ in 0..2 {
        bed.queue.clock().advance(chrono::TimeDelta::from_std(HEARTBEAT).expect("a time"));
        testing::extend(&bed.queue, long, &running).await.expect("extended");
    }
    bed.queue.clock().advance(chrono::TimeDelta::milliseconds(100));

    bed.reaches(last, JobState::Available).await;
    for id in [running[0], running[299]] {
        assert_eq!(bed.job(id).await.state, JobState::Running);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_a_rescue_is_not_starved_by_effects_that_fail() {
    let bed = Bed::postgres_in_process().await;
    bed.stage.fail_effects(u32::MAX);
    let last_attempt = || with_effect("stuck").with_limits(1, Duration::from_secs(60));
    let stuck = claimed(&bed, last_attempt, WithEffect::KIND, 120).await;
    let lost = claimed(&bed, || scripted("lost"), Scripted::KIND, 1).await;

    past_every_lease(&bed);
    bed.reaches(lost[0], JobState::Available).await;
    assert_eq!(bed.job(stuck[0]).await.state, JobState::Running, "its end cannot be written");

    bed.stage.fail_effects(0);
    for id in stuck {
        bed.reaches(id, JobState::Failed).await;
        assert_eq!(bed.stage.effects(id), [JobState::Failed]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_a_relay_is_not_stopped_by_effects_that_fail() {
    let bed = Bed::postgres_redis().await;
    bed.stage.fail_effects(u32::MAX);
    let soon = bed.queue.now() + Duration::from_millis(10);
    let expiring = bed.queue.enqueue(with_effect("late").expiring(soon)).await.expect("enqueued").id;
    let delayed = bed.queue.enqueue(scripted("delayed").at(soon)).await.expect("enqueued").id;
    bed.reaches(delayed, JobState::Available).await;
    bed.forget_transport().await;

    let _worker = bed.worker(1);
    bed.reaches(delayed, JobState::Succeeded).await;
    bed.stage.fail_effects(0);

    bed.reaches(expiring, JobState::Cancelled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_a_claim_whose_answer_was_lost_is_not_kept_alive() {
    let bed = Bed::postgres_in_process().await;
    let worker = WorkerId::new();
    let kinds = [Scripted::KIND];
    let unknown = bed.queue.enqueue(scripted("unknown")).await.expect("enqueued").id;
    testing::claim(&bed.queue, worker, QueueName::Stats, &kinds, 1).await.expect("claimed");
    let known = bed.queue.enqueue(scripted("known")).await.expect("enqueued").id;
    testing::claim(&bed.queue, worker, QueueName::Stats, &kinds, 1).await.expect("claimed");

    // The worker lives and beats, but knows of one job only.
    for _ in 0..3 {
        bed.queue.clock().advance(chrono::TimeDelta::from_std(HEARTBEAT).expect("a time"));
        testing::extend(&bed.queue, worker, &[known]).await.expect("extended");
    }

    bed.reaches(unknown, JobState::Available).await;
    assert_eq!(bed.job(known).await.state, JobState::Running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l_a_queue_whose_jobs_crash_takes_no_other_down() {
    let bed = Bed::postgres_redis().await;
    let gate = gate(&bed.stage, "gated");
    let queues = [QueueName::Email, QueueName::Stats];
    let hand = hire(&bed.queue, registry(&bed.stage), &queues, Duration::from_secs(20));
    let gated = bed.queue.enqueue(scripted("gated")).await.expect("enqueued").id;
    let tx = bed.queue.begin().await.expect("a transaction");
    let crashing = (0..60).map(|_| NewJob::of(&Crashing {})).collect();
    let crashing = tx.enqueue_all(crashing).await.expect("enqueued");
    let neighbours = tx.enqueue_all((0..60).map(|_| scripted("fine")).collect()).await.expect("enqueued");
    tx.commit().await.expect("committed");

    for job in neighbours {
        let job = bed.reaches(job.id, JobState::Succeeded).await;
        assert_eq!(job.attempt, 1, "it was not disturbed");
    }
    for job in crashing {
        let job = bed.reaches(job.id, JobState::Failed).await;
        assert_eq!(job.attempt, 3, "each had all its attempts");
    }
    gate.add_permits(1);

    assert_eq!(bed.reaches(gated, JobState::Succeeded).await.attempt, 1, "it ran all the while");
    hand.stop().await;
}
