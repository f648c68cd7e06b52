//! The time until work resumes after a loss: an emptied Redis, a killed worker, closed
//! connections. Also two versions with different kinds side by side.

mod idle;
mod installation;
mod versions;

use std::{collections::BTreeMap, time::Duration};

use atelier_entities::{JobId, JobState};
use atelier_queue::{
    Outcome, QueueName,
    inspect::{JobFilter, Page},
};
use atelier_tests::in_time;
use installation::Installation;
use sea_orm::ConnectionTrait;
use tokio::time::{self, Instant};

use super::{
    fixture::{Fixture, HEARTBEAT, TIME_LIMIT},
    pitfalls::workers::{gate, registry, start_worker},
    scripted::{scripted, with_effect},
};

/// The promised time until every due job is dispatched after Redis came back.
const REDIS_BOUND: Duration = Duration::from_secs(5);

/// The promised time until a dead worker's jobs run again.
const RESCUE_BOUND: Duration = HEARTBEAT.saturating_mul(2).saturating_add(Duration::from_secs(1));

/// How long Redis is unavailable.
const OUTAGE: Duration = Duration::from_secs(4);

/// The number of running jobs of each worker.
async fn running_by_worker(installation: &Installation) -> Vec<usize> {
    let filter = JobFilter { state: Some(JobState::Running), ..JobFilter::default() };
    let page = Page { number: 1, size: 100 };
    let (jobs, _) = installation.queue.list_jobs(&filter, page).await.expect("a list");
    let mut counts = BTreeMap::new();
    for job in jobs {
        *counts.entry(job.worker_id).or_insert(0) += 1;
    }
    counts.into_values().collect()
}

/// The time until all due jobs have run and no worker is idle.
async fn time_until_all_run(installation: &Installation, due: &[JobId]) -> Duration {
    let back = Instant::now();
    let soon = installation.queue.now() + Duration::from_millis(500);
    let delayed = installation.queue.enqueue(scripted("delayed").at(soon)).await.expect("enqueued").id;
    for id in due.iter().chain([&delayed]) {
        installation.reaches(*id, JobState::Succeeded).await;
    }

    let gate = gate(&installation.handlers, "gated");
    for _ in 0..8 {
        installation.queue.enqueue(scripted("gated")).await.expect("enqueued");
    }
    installation
        .until("every slot of both workers is taken", async || {
            (running_by_worker(installation).await == [4, 4]).then_some(())
        })
        .await;
    gate.add_permits(8);
    back.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_empty_is_refilled_within_five_seconds() {
    in_time(REDIS_BOUND, after_an_outage).await;
}

/// The time until work resumes after Redis comes back empty.
async fn after_an_outage() -> Duration {
    let mut installation = Installation::start().await;
    let _hands = [installation.worker().await, installation.worker().await];
    let first = installation.queue.enqueue(scripted("first")).await.expect("enqueued").id;
    installation.reaches(first, JobState::Succeeded).await;

    installation.redis.kill();
    let killed = Instant::now();
    let mut due = Vec::new();
    for _ in 0..40 {
        due.push(installation.queue.enqueue(scripted("due")).await.expect("enqueued").id);
    }
    assert!(killed.elapsed() < TIME_LIMIT, "an enqueue does not wait for Redis");
    let soon = installation.queue.now() + Duration::from_millis(500);
    due.push(installation.queue.enqueue(scripted("due later").at(soon)).await.expect("enqueued").id);
    time::sleep(OUTAGE.saturating_sub(killed.elapsed())).await;
    installation.redis.restart();

    time_until_all_run(&installation, &due).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_redis_is_refilled_within_five_seconds() {
    in_time(REDIS_BOUND, after_a_flush).await;
}

/// The time until work resumes after Redis lost everything.
async fn after_a_flush() -> Duration {
    let installation = Installation::start().await;
    let stopped = installation.worker().await;
    let first = installation.queue.enqueue(scripted("first")).await.expect("enqueued").id;
    installation.reaches(first, JobState::Succeeded).await;
    stopped.stop().await;
    let mut due = Vec::new();
    for _ in 0..200 {
        due.push(installation.queue.enqueue(scripted("due")).await.expect("enqueued").id);
    }
    let _hands = [installation.worker().await, installation.worker().await];
    installation.reaches(due[0], JobState::Succeeded).await;

    installation.redis.server.flush_all().await;

    time_until_all_run(&installation, &due).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_workers_jobs_run_again_within_two_heartbeats_and_a_second() {
    in_time(RESCUE_BOUND, after_a_death).await;
}

/// The time until the jobs of a killed worker run again.
async fn after_a_death() -> Duration {
    let fixture = Fixture::postgres_redis().await;
    let handlers = fixture.handlers.clone();
    fixture.handlers.on("abandoned", move |ctx| {
        let first = handlers.starts(ctx.id()) == 1;
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            Ok(Outcome::done())
        }
    });
    let worker = fixture.killable_worker();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(fixture.queue.enqueue(scripted("abandoned")).await.expect("enqueued").id);
    }
    for id in &ids {
        fixture.until("it runs", async || (fixture.handlers.starts(*id) == 1).then_some(())).await;
    }
    let _worker = fixture.worker(4);
    // Right after a heartbeat is the worst time to die, since the lease is new.
    time::sleep(HEARTBEAT).await;

    worker.kill();
    let killed = Instant::now();
    for id in &ids {
        fixture.until("it runs again", async || (fixture.handlers.starts(*id) == 2).then_some(())).await;
    }

    killed.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stalls_while_it_ends_a_job_loses_the_job() {
    in_time(RESCUE_BOUND, after_a_standstill).await;
}

/// The time until a job whose worker stalled has succeeded.
async fn after_a_standstill() -> Duration {
    let fixture = Fixture::postgres_redis().await;
    let unblock = fixture.handlers.block_next_effect();
    let id = fixture.queue.enqueue(with_effect("frozen")).await.expect("enqueued").id;
    let _mortal = fixture.killable_worker();
    fixture.until("its end is on its way", async || fixture.handlers.is_blocked().then_some(())).await;
    let frozen = Instant::now();
    let _worker = fixture.worker(1);

    let job = fixture.reaches(id, JobState::Succeeded).await;
    let took = frozen.elapsed();
    // The unblocked effect continues in a transaction that is rolled back, but still records
    // its run.
    let effects = fixture.handlers.effects(id);
    drop(unblock);

    assert_eq!((job.attempt, effects), (2, vec![JobState::Succeeded]));
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_connections_lose_no_job_and_leave_no_worker_idle() {
    in_time(HEARTBEAT * 2 + Duration::from_secs(5), after_cuts).await;
}

/// The time until all jobs have run that were acknowledged while connections were closed.
async fn after_cuts() -> Duration {
    let fixture = Fixture::postgres_redis().await;
    let _hand =
        start_worker(&fixture.queue, registry(&fixture.handlers), &[QueueName::Stats], Duration::ZERO);
    fixture.handlers.on("cut", async |_| {
        time::sleep(Duration::from_millis(20)).await;
        Ok(Outcome::done())
    });
    let mut ids = Vec::new();
    for round in 0..10 {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let (_, _) = tokio::join!(fixture.queue.db().execute_unprepared(cut), async {
            // Only acknowledged jobs count.
            for _ in 0..10 {
                let job = scripted("cut").with_limits(50, Duration::from_secs(20));
                ids.extend(fixture.queue.enqueue(job).await.map(|enqueued| enqueued.id));
            }
        });
        assert!(round == 0 || !ids.is_empty(), "nothing was acknowledged");
    }

    let cut = Instant::now();
    for id in &ids {
        fixture.reaches(*id, JobState::Succeeded).await;
    }
    cut.elapsed()
}
