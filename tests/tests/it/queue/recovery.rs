use std::{sync::Arc, time::Duration};

use atelier_entities::{AttemptOutcome, JobState, WorkerId};
use atelier_queue::{
    Job, Outcome, QueueName,
    schedule::{self, Recurring},
    testing,
};
use tokio::sync::Semaphore;

use super::{
    fixture::{Fixture, HEARTBEAT},
    pitfalls::workers::gate,
    scripted::{Scripted, WithEffect, scripted, with_effect},
};

pub(super) async fn a_dead_workers_job_runs_again_and_its_end_is_fenced_off(fixture: Fixture) {
    // The first attempt runs until the second one has ended, so its end comes last.
    let gate = Arc::new(Semaphore::new(0));
    let first_may_end = gate.clone();
    fixture.handlers.on("long", move |ctx| {
        let gate = first_may_end.clone();
        async move {
            if ctx.attempt() == 1 {
                let _open = gate.acquire().await;
                return Ok(Outcome::Done("first".into()));
            }
            Ok(Outcome::Done("second".into()))
        }
    });
    let id = fixture.queue.enqueue(with_effect("long")).await.expect("enqueued").id;
    let worker = fixture.killable_worker();
    fixture.reaches(id, JobState::Running).await;
    worker.kill();
    let _worker = fixture.worker(1);

    let job = fixture.reaches(id, JobState::Succeeded).await;
    gate.add_permits(1);

    assert_eq!((job.attempt, job.result.clone()), (2, Some("second".into())));
    assert_eq!(fixture.handlers.effects(id), [JobState::Succeeded]);
    let attempts = fixture.queue.list_attempts(&job).await.expect("attempts");
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::Lost));
}

pub(super) async fn a_job_that_kills_its_workers_fails_after_its_limit(fixture: Fixture) {
    fixture.handlers.on("poison", async |_| std::future::pending().await);
    let id = fixture.queue.enqueue(with_effect("poison")).await.expect("enqueued").id;

    for attempt in 1..=3 {
        let worker = fixture.killable_worker();
        fixture
            .until("the attempt runs", async || (fixture.handlers.starts(id) == attempt).then_some(()))
            .await;
        worker.kill();
    }
    let job = fixture.reaches(id, JobState::Failed).await;

    assert_eq!(job.error.expect("an error")["code"], "WORKER_LOST");
    assert_eq!(fixture.handlers.effects(id), [JobState::Failed]);
    assert_eq!(fixture.handlers.starts(id), 3);
}

pub(super) async fn a_drain_hands_jobs_back_without_counting_the_attempt(fixture: Fixture) {
    let handlers = fixture.handlers.clone();
    fixture.handlers.on("slow", move |ctx| {
        let first = handlers.starts(ctx.id()) == 1;
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            Ok(Outcome::done())
        }
    });
    let worker = fixture.worker(1);
    let id = fixture.queue.enqueue(scripted("slow")).await.expect("enqueued").id;
    fixture.reaches(id, JobState::Running).await;
    fixture.until("its handler has begun", async || (fixture.handlers.starts(id) == 1).then_some(())).await;

    worker.stop().await;
    let handed_back = fixture.job(id).await;
    let _second = fixture.worker(1);
    let job = fixture.reaches(id, JobState::Succeeded).await;

    assert_eq!((handed_back.state, handed_back.attempt), (JobState::Available, 0));
    assert_eq!(job.attempt, 1);
}

pub(super) async fn no_job_is_lost_when_the_transport_loses_all_ids(fixture: Fixture) {
    let mut ids = Vec::new();
    for number in 0..50 {
        ids.push(fixture.queue.enqueue(scripted(&format!("kept-{number}"))).await.expect("enqueued").id);
    }
    fixture.forget_transport().await;
    let _worker = fixture.worker(4);
    for (number, id) in ids.iter().enumerate() {
        if number == 25 {
            fixture.forget_transport().await;
        }
        fixture.reaches(*id, JobState::Succeeded).await;
    }
    let late = fixture.queue.enqueue(scripted("late")).await.expect("enqueued").id;
    fixture.reaches(late, JobState::Succeeded).await;

    assert_eq!(fixture.handlers.order().len(), 51, "nothing ran twice");
}

pub(super) async fn a_cancelled_job_of_a_dead_worker_ends_cancelled(fixture: Fixture) {
    fixture.handlers.on("doomed", async |_| std::future::pending().await);
    let id = fixture.queue.enqueue(with_effect("doomed")).await.expect("enqueued").id;
    let worker = fixture.killable_worker();
    fixture.reaches(id, JobState::Running).await;
    worker.kill();

    fixture.queue.cancel(id, None).await.expect("cancelled");
    fixture.reaches(id, JobState::Cancelled).await;

    assert_eq!(fixture.handlers.effects(id), [JobState::Cancelled]);
}

pub(super) async fn schedules_fire_once_whatever_the_number_of_schedulers(fixture: Fixture) {
    let recurring = [Recurring { name: "hourly", cron: "0 0 * * * *", make: |_| scripted("hourly") }];
    schedule::sync(&fixture.queue, &recurring).await.expect("synced");
    schedule::sync(&fixture.queue, &recurring).await.expect("synced again");

    let ticks = (0..4).map(|_| schedule::tick(&fixture.queue, &recurring));
    let fired: usize =
        futures::future::join_all(ticks).await.into_iter().map(|fired| fired.expect("a tick")).sum();
    let later = schedule::tick(&fixture.queue, &recurring).await.expect("a tick");

    assert_eq!((fired, later), (1, 0), "a new schedule fires once, at once");
    fixture.queue.clock().advance(chrono::TimeDelta::hours(5));
    let missed = schedule::tick(&fixture.queue, &recurring).await.expect("a tick");
    assert_eq!(missed, 1, "five missed hours are made up for once");
    let _worker = fixture.worker(1);
    fixture.until("both jobs ran", async || (fixture.handlers.order().len() == 2).then_some(())).await;
}

pub(super) async fn a_claim_whose_answer_is_lost_costs_no_attempt(fixture: Fixture) {
    let gate = gate(&fixture.handlers, "gated");
    let _worker = fixture.worker(1);
    let gated = fixture.queue.enqueue(scripted("gated")).await.expect("enqueued").id;
    let worker = fixture.reaches(gated, JobState::Running).await.worker_id.expect("a worker");
    // A claim that the worker does not know, since its answer was lost; the worker has no free slot.
    let id = fixture.queue.enqueue(scripted("unheard")).await.expect("enqueued").id;
    let kinds = [Scripted::KIND];
    let unheard = testing::claim(&fixture.queue, worker, QueueName::Stats, &kinds, 1).await.expect("claimed");
    assert_eq!(unheard.iter().map(|job| (job.id, job.attempt)).collect::<Vec<_>>(), [(id, 1)]);
    gate.add_permits(1);

    let job = fixture.reaches(id, JobState::Succeeded).await;

    assert_eq!((job.attempt, fixture.handlers.starts(id)), (1, 1));
    assert_eq!(fixture.queue.list_attempts(&job).await.expect("attempts").len(), 1);
}

pub(super) async fn an_effect_that_fails_for_a_day_is_abandoned(fixture: Fixture) {
    fixture.handlers.fail_effects(u32::MAX);
    let job = with_effect("stuck").with_limits(1, Duration::from_secs(60));
    let id = fixture.queue.enqueue(job).await.expect("enqueued").id;
    let kinds = [WithEffect::KIND];
    testing::claim(&fixture.queue, WorkerId::new(), QueueName::Stats, &kinds, 1).await.expect("claimed");
    let code = async || fixture.job(id).await.error.map(|error| error["code"].clone());

    fixture.queue.clock().advance(chrono::TimeDelta::from_std(HEARTBEAT * 3).expect("a time"));
    fixture.until("its owner can read it", async || (code().await? == "EFFECT_FAILED").then_some(())).await;
    assert_eq!(fixture.job(id).await.state, JobState::Running, "its end is retried");
    fixture.queue.clock().advance(chrono::TimeDelta::hours(25));
    let job = fixture.reaches(id, JobState::Failed).await;

    assert_eq!(job.error.expect("an error")["code"], "EFFECT_FAILED");
    assert_eq!(fixture.handlers.effects(id), []);
}
