use std::{sync::Arc, time::Duration};

use atelier_entities::{AttemptOutcome, JobState, WorkerId};
use atelier_queue::{
    Job, Outcome, QueueName,
    schedule::{self, Recurring},
    testing,
};
use tokio::sync::Semaphore;

use super::{
    bed::{Bed, HEARTBEAT},
    stage::{Scripted, WithEffect, scripted, with_effect},
    twelve::crew::gate,
};

pub(super) async fn a_dead_workers_job_runs_again_and_its_end_is_fenced_off(bed: Bed) {
    // The first attempt goes on until the second has ended: its end comes last.
    let gate = Arc::new(Semaphore::new(0));
    let first_may_end = gate.clone();
    bed.stage.on("long", move |ctx| {
        let gate = first_may_end.clone();
        async move {
            if ctx.attempt() == 1 {
                let _open = gate.acquire().await;
                return Ok(Outcome::Done("first".into()));
            }
            Ok(Outcome::Done("second".into()))
        }
    });
    let id = bed.queue.enqueue(with_effect("long")).await.expect("enqueued").id;
    let mortal = bed.mortal_worker();
    bed.reaches(id, JobState::Running).await;
    mortal.kill();
    let _worker = bed.worker(1);

    let job = bed.reaches(id, JobState::Succeeded).await;
    gate.add_permits(1);

    assert_eq!((job.attempt, job.result.clone()), (2, Some("second".into())));
    assert_eq!(bed.stage.effects(id), [JobState::Succeeded]);
    let attempts = bed.queue.list_attempts(&job).await.expect("attempts");
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::Lost));
}

pub(super) async fn a_job_that_kills_its_workers_fails_after_its_limit(bed: Bed) {
    bed.stage.on("poison", async |_| std::future::pending().await);
    let id = bed.queue.enqueue(with_effect("poison")).await.expect("enqueued").id;

    for attempt in 1..=3 {
        let mortal = bed.mortal_worker();
        bed.until("the attempt runs", async || (bed.stage.starts(id) == attempt).then_some(())).await;
        mortal.kill();
    }
    let job = bed.reaches(id, JobState::Failed).await;

    assert_eq!(job.error.expect("an error")["code"], "WORKER_LOST");
    assert_eq!(bed.stage.effects(id), [JobState::Failed]);
    assert_eq!(bed.stage.starts(id), 3);
}

pub(super) async fn a_drain_hands_jobs_back_without_counting_the_attempt(bed: Bed) {
    let stage = bed.stage.clone();
    bed.stage.on("slow", move |ctx| {
        let first = stage.starts(ctx.id()) == 1;
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            Ok(Outcome::done())
        }
    });
    let worker = bed.worker(1);
    let id = bed.queue.enqueue(scripted("slow")).await.expect("enqueued").id;
    bed.reaches(id, JobState::Running).await;
    bed.until("its handler has begun", async || (bed.stage.starts(id) == 1).then_some(())).await;

    worker.stop().await;
    let handed_back = bed.job(id).await;
    let _second = bed.worker(1);
    let job = bed.reaches(id, JobState::Succeeded).await;

    assert_eq!((handed_back.state, handed_back.attempt), (JobState::Available, 0));
    assert_eq!(job.attempt, 1);
}

pub(super) async fn a_transport_that_forgets_everything_loses_nothing(bed: Bed) {
    let mut ids = Vec::new();
    for number in 0..50 {
        ids.push(bed.queue.enqueue(scripted(&format!("kept-{number}"))).await.expect("enqueued").id);
    }
    bed.forget_transport().await;
    let _worker = bed.worker(4);
    for (number, id) in ids.iter().enumerate() {
        if number == 25 {
            bed.forget_transport().await;
        }
        bed.reaches(*id, JobState::Succeeded).await;
    }
    let late = bed.queue.enqueue(scripted("late")).await.expect("enqueued").id;
    bed.reaches(late, JobState::Succeeded).await;

    assert_eq!(bed.stage.order().len(), 51, "nothing ran twice");
}

pub(super) async fn a_cancelled_job_of_a_dead_worker_ends_cancelled(bed: Bed) {
    bed.stage.on("doomed", async |_| std::future::pending().await);
    let id = bed.queue.enqueue(with_effect("doomed")).await.expect("enqueued").id;
    let mortal = bed.mortal_worker();
    bed.reaches(id, JobState::Running).await;
    mortal.kill();

    bed.queue.cancel(id, None).await.expect("cancelled");
    bed.reaches(id, JobState::Cancelled).await;

    assert_eq!(bed.stage.effects(id), [JobState::Cancelled]);
}

pub(super) async fn schedules_fire_once_whatever_the_number_of_schedulers(bed: Bed) {
    let recurring = [Recurring { name: "hourly", cron: "0 0 * * * *", make: |_| scripted("hourly") }];
    schedule::sync(&bed.queue, &recurring).await.expect("synced");
    schedule::sync(&bed.queue, &recurring).await.expect("synced again");

    let ticks = (0..4).map(|_| schedule::tick(&bed.queue, &recurring));
    let fired: usize =
        futures::future::join_all(ticks).await.into_iter().map(|fired| fired.expect("a tick")).sum();
    let later = schedule::tick(&bed.queue, &recurring).await.expect("a tick");

    assert_eq!((fired, later), (1, 0), "a new schedule fires once, at once");
    bed.queue.clock().advance(chrono::TimeDelta::hours(5));
    let missed = schedule::tick(&bed.queue, &recurring).await.expect("a tick");
    assert_eq!(missed, 1, "five missed hours are made up for once");
    let _worker = bed.worker(1);
    bed.until("both jobs ran", async || (bed.stage.order().len() == 2).then_some(())).await;
}

pub(super) async fn a_claim_whose_answer_is_lost_costs_no_attempt(bed: Bed) {
    let gate = gate(&bed.stage, "gated");
    let _worker = bed.worker(1);
    let gated = bed.queue.enqueue(scripted("gated")).await.expect("enqueued").id;
    let worker = bed.reaches(gated, JobState::Running).await.worker_id.expect("a worker");
    // As the worker's claim leaves it, but unknown to the worker, which has no free slot.
    let id = bed.queue.enqueue(scripted("unheard")).await.expect("enqueued").id;
    let kinds = [Scripted::KIND];
    let unheard = testing::claim(&bed.queue, worker, QueueName::Stats, &kinds, 1).await.expect("claimed");
    assert_eq!(unheard.iter().map(|job| (job.id, job.attempt)).collect::<Vec<_>>(), [(id, 1)]);
    gate.add_permits(1);

    let job = bed.reaches(id, JobState::Succeeded).await;

    assert_eq!((job.attempt, bed.stage.starts(id)), (1, 1));
    assert_eq!(bed.queue.list_attempts(&job).await.expect("attempts").len(), 1);
}

pub(super) async fn an_effect_that_fails_for_a_day_is_given_up(bed: Bed) {
    bed.stage.fail_effects(u32::MAX);
    let job = with_effect("stuck").with_limits(1, Duration::from_secs(60));
    let id = bed.queue.enqueue(job).await.expect("enqueued").id;
    let kinds = [WithEffect::KIND];
    testing::claim(&bed.queue, WorkerId::new(), QueueName::Stats, &kinds, 1).await.expect("claimed");
    let code = async || bed.job(id).await.error.map(|error| error["code"].clone());

    bed.queue.clock().advance(chrono::TimeDelta::from_std(HEARTBEAT * 3).expect("a time"));
    bed.until("its owner can read it", async || (code().await? == "EFFECT_FAILED").then_some(())).await;
    assert_eq!(bed.job(id).await.state, JobState::Running, "its end is tried again");
    bed.queue.clock().advance(chrono::TimeDelta::hours(25));
    let job = bed.reaches(id, JobState::Failed).await;

    assert_eq!(job.error.expect("an error")["code"], "EFFECT_FAILED");
    assert_eq!(bed.stage.effects(id), []);
}
