//! How fast work goes on after each loss: Redis emptied, a worker killed,
//! connections cut; and builds that know different kinds beside each other.

mod builds;
mod idle;
mod site;

use std::{collections::BTreeMap, time::Duration};

use atelier_entities::{JobId, JobState};
use atelier_queue::{
    Outcome, QueueName,
    inspect::{JobFilter, Page},
};
use atelier_tests::in_time;
use sea_orm::ConnectionTrait;
use site::Site;
use tokio::time::{self, Instant};

use super::{
    bed::{Bed, HEARTBEAT, PATIENCE},
    stage::{scripted, with_effect},
    twelve::crew::{gate, hire, registry},
};

/// After Redis came back, everything due is dispatched within this time.
const REDIS_BOUND: Duration = Duration::from_secs(5);

/// A dead worker's jobs run again within this time.
const RESCUE_BOUND: Duration = HEARTBEAT.saturating_mul(2).saturating_add(Duration::from_secs(1));

/// How long Redis is away.
const OUTAGE: Duration = Duration::from_secs(4);

/// How many jobs each worker runs now.
async fn running_by_worker(site: &Site) -> Vec<usize> {
    let filter = JobFilter { state: Some(JobState::Running), ..JobFilter::default() };
    let page = Page { number: 1, size: 100 };
    let (jobs, _) = site.queue.list_jobs(&filter, page).await.expect("a list");
    let mut counts = BTreeMap::new();
    for job in jobs {
        *counts.entry(job.worker_id).or_insert(0) += 1;
    }
    counts.into_values().collect()
}

/// How long it takes until everything that was due has run, and then no worker is idle.
async fn all_goes_on(site: &Site, due: &[JobId]) -> Duration {
    let back = Instant::now();
    let soon = site.queue.now() + Duration::from_millis(500);
    let delayed = site.queue.enqueue(scripted("delayed").at(soon)).await.expect("enqueued").id;
    for id in due.iter().chain([&delayed]) {
        site.reaches(*id, JobState::Succeeded).await;
    }

    let gate = gate(&site.stage, "gated");
    for _ in 0..8 {
        site.queue.enqueue(scripted("gated")).await.expect("enqueued");
    }
    site.until("every slot of both workers is taken", async || {
        (running_by_worker(site).await == [4, 4]).then_some(())
    })
    .await;
    gate.add_permits(8);
    back.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_empty_is_refilled_within_five_seconds() {
    in_time(REDIS_BOUND, after_an_outage).await;
}

/// How long it takes until work goes on after Redis was away and comes back empty.
async fn after_an_outage() -> Duration {
    let mut site = Site::start().await;
    let _hands = [site.worker().await, site.worker().await];
    let first = site.queue.enqueue(scripted("first")).await.expect("enqueued").id;
    site.reaches(first, JobState::Succeeded).await;

    site.redis.kill();
    let killed = Instant::now();
    let mut due = Vec::new();
    for _ in 0..40 {
        due.push(site.queue.enqueue(scripted("due")).await.expect("enqueued").id);
    }
    assert!(killed.elapsed() < PATIENCE, "an enqueue waits for no Redis");
    let soon = site.queue.now() + Duration::from_millis(500);
    due.push(site.queue.enqueue(scripted("due later").at(soon)).await.expect("enqueued").id);
    time::sleep(OUTAGE.saturating_sub(killed.elapsed())).await;
    site.redis.restart();

    all_goes_on(&site, &due).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_redis_is_refilled_within_five_seconds() {
    in_time(REDIS_BOUND, after_a_flush).await;
}

/// How long it takes until work goes on after Redis lost everything.
async fn after_a_flush() -> Duration {
    let site = Site::start().await;
    let stopped = site.worker().await;
    let first = site.queue.enqueue(scripted("first")).await.expect("enqueued").id;
    site.reaches(first, JobState::Succeeded).await;
    stopped.stop().await;
    let mut due = Vec::new();
    for _ in 0..200 {
        due.push(site.queue.enqueue(scripted("due")).await.expect("enqueued").id);
    }
    let _hands = [site.worker().await, site.worker().await];
    site.reaches(due[0], JobState::Succeeded).await;

    site.redis.server.flush_all().await;

    all_goes_on(&site, &due).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_workers_jobs_run_again_within_two_heartbeats_and_a_second() {
    in_time(RESCUE_BOUND, after_a_death).await;
}

/// How long it takes until the jobs of a killed worker run again.
async fn after_a_death() -> Duration {
    let bed = Bed::postgres_redis().await;
    let stage = bed.stage.clone();
    bed.stage.on("abandoned", move |ctx| {
        let first = stage.starts(ctx.id()) == 1;
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            Ok(Outcome::done())
        }
    });
    let mortal = bed.mortal_worker();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(bed.queue.enqueue(scripted("abandoned")).await.expect("enqueued").id);
    }
    for id in &ids {
        bed.until("it runs", async || (bed.stage.starts(*id) == 1).then_some(())).await;
    }
    let _worker = bed.worker(4);
    // Just after a heartbeat is the worst moment to die: the lease is fresh.
    time::sleep(HEARTBEAT).await;

    mortal.kill();
    let killed = Instant::now();
    for id in &ids {
        bed.until("it runs again", async || (bed.stage.starts(*id) == 2).then_some(())).await;
    }

    killed.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stands_still_while_it_ends_a_job_does_not_keep_it() {
    in_time(RESCUE_BOUND, after_a_standstill).await;
}

/// How long it takes until a job whose worker stood still has succeeded.
async fn after_a_standstill() -> Duration {
    let bed = Bed::postgres_redis().await;
    let thaw = bed.stage.freeze_next_effect();
    let id = bed.queue.enqueue(with_effect("frozen")).await.expect("enqueued").id;
    let _mortal = bed.mortal_worker();
    bed.until("its end is on its way", async || bed.stage.is_frozen().then_some(())).await;
    let frozen = Instant::now();
    let _worker = bed.worker(1);

    let job = bed.reaches(id, JobState::Succeeded).await;
    let took = frozen.elapsed();
    // What thaws goes on in a transaction that is undone, but tells the stage all the same.
    let effects = bed.stage.effects(id);
    drop(thaw);

    assert_eq!((job.attempt, effects), (2, vec![JobState::Succeeded]));
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_lose_nothing_and_idle_no_worker() {
    in_time(HEARTBEAT * 2 + Duration::from_secs(5), after_cuts).await;
}

/// How long it takes until everything has run that was acknowledged while connections
/// were cut.
async fn after_cuts() -> Duration {
    let bed = Bed::postgres_redis().await;
    let _hand = hire(&bed.queue, registry(&bed.stage), &[QueueName::Stats], Duration::ZERO);
    bed.stage.on("cut", async |_| {
        time::sleep(Duration::from_millis(20)).await;
        Ok(Outcome::done())
    });
    let mut ids = Vec::new();
    for round in 0..10 {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let (_, _) = tokio::join!(bed.queue.db().execute_unprepared(cut), async {
            // Only what was acknowledged counts.
            for _ in 0..10 {
                let job = scripted("cut").with_limits(50, Duration::from_secs(20));
                ids.extend(bed.queue.enqueue(job).await.map(|enqueued| enqueued.id));
            }
        });
        assert!(round == 0 || !ids.is_empty(), "nothing was acknowledged");
    }

    let cut = Instant::now();
    for id in &ids {
        bed.reaches(*id, JobState::Succeeded).await;
    }
    cut.elapsed()
}
