use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use atelier_entities::{JobId, JobState, UserId, WorkerId};
use atelier_queue::{Job, NewJob, Outcome, QueueLimits, QueueName, Rate, testing};

use sea_orm::ConnectionTrait;

use super::{
    fixture::Fixture,
    scripted::{Scripted, scripted},
};

/// The current and the highest number of running jobs.
type Count = (usize, usize);

/// The current and the highest number of running jobs, by owner.
#[derive(Clone, Default)]
struct Gauge {
    counts: Arc<Mutex<HashMap<Option<UserId>, Count>>>,
}

impl Gauge {
    fn change(&self, owner: Option<UserId>, by: isize) {
        for key in [owner, None] {
            let mut counts = self.counts.lock().expect("counts");
            let (now, most) = counts.entry(key).or_default();
            *now = now.saturating_add_signed(by);
            *most = (*most).max(*now);
            if owner.is_none() {
                return;
            }
        }
    }

    fn most(&self, owner: Option<UserId>) -> usize {
        self.counts.lock().expect("counts").get(&owner).map_or(0, |(_, most)| *most)
    }
}

/// Runs the jobs on two workers with ten slots each and returns the numbers of running jobs.
async fn run(fixture: &Fixture, limits: QueueLimits, jobs: Vec<NewJob>) -> (Gauge, Vec<JobId>) {
    let gauge = Gauge::default();
    let seen = gauge.clone();
    fixture.handlers.on("counted", move |ctx| {
        let gauge = seen.clone();
        async move {
            gauge.change(ctx.owner(), 1);
            tokio::time::sleep(Duration::from_millis(10)).await;
            gauge.change(ctx.owner(), -1);
            Ok(Outcome::done())
        }
    });
    fixture.queue.set_limits(QueueName::Stats, limits).await.expect("limited");
    let tx = fixture.queue.begin().await.expect("a transaction");
    let ids = tx.enqueue_all(jobs).await.expect("enqueued").iter().map(|job| job.id).collect::<Vec<_>>();
    tx.commit().await.expect("committed");
    let (one, two) = (fixture.worker(10), fixture.worker(10));
    for id in &ids {
        fixture.reaches(*id, JobState::Succeeded).await;
    }
    one.stop().await;
    two.stop().await;
    (gauge, ids)
}

pub(super) async fn no_more_run_over_all_workers_than_the_queue_allows(fixture: Fixture) {
    let limits = QueueLimits { max_running: Some(3), ..QueueLimits::default() };

    let (gauge, _) = run(&fixture, limits, (0..30).map(|_| scripted("counted")).collect()).await;

    assert_eq!(gauge.most(None), 3);
}

pub(super) async fn no_more_of_one_owner_run_than_the_queue_allows(fixture: Fixture) {
    let limits = QueueLimits { max_running_per_owner: Some(2), ..QueueLimits::default() };
    let (busy, quiet) = (UserId::new(), UserId::new());
    let mut jobs: Vec<NewJob> = (0..20).map(|_| scripted("counted").owned_by(busy)).collect();
    jobs.extend((0..4).map(|_| scripted("counted").owned_by(quiet)));

    let (gauge, _) = run(&fixture, limits, jobs).await;

    assert_eq!((gauge.most(Some(busy)), gauge.most(Some(quiet))), (2, 2));
}

pub(super) async fn an_owner_at_their_limit_does_not_block_others(fixture: Fixture) {
    let limits = QueueLimits { max_running_per_owner: Some(1), ..QueueLimits::default() };
    fixture.queue.set_limits(QueueName::Stats, limits).await.expect("limited");
    let (busy, quiet) = (UserId::new(), UserId::new());
    fixture.handlers.on("endless", |ctx| async move {
        ctx.stop().cancelled().await;
        Ok(Outcome::done())
    });
    let tx = fixture.queue.begin().await.expect("a transaction");
    let jobs = (0..1_200).map(|_| scripted("endless").owned_by(busy)).collect();
    tx.enqueue_all(jobs).await.expect("enqueued");
    tx.commit().await.expect("committed");
    // All of them rank before every later job.
    fixture.queue.db().execute_unprepared("UPDATE jobs SET rank = 0").await.expect("older");
    let id = fixture.queue.enqueue(scripted("short").owned_by(quiet)).await.expect("enqueued").id;

    let _worker = fixture.worker(4);

    fixture.reaches(id, JobState::Succeeded).await;
}

pub(super) async fn no_more_start_in_a_period_than_the_rate_allows(fixture: Fixture) {
    let rate = Rate { count: 4, period: Duration::from_secs(1) };
    let limits = QueueLimits { rate: Some(rate), ..QueueLimits::default() };

    let (_, ids) = run(&fixture, limits, (0..10).map(|_| scripted("counted")).collect()).await;

    let mut starts = Vec::new();
    for id in ids {
        starts.push(fixture.job(id).await.started_at.expect("started"));
    }
    starts.sort_unstable();
    for window in starts.windows(5) {
        let spread = window[4] - window[0];
        assert!(spread >= chrono::TimeDelta::seconds(1), "five starts within {spread}");
    }
}

pub(super) async fn a_changed_rate_counts_earlier_starts(fixture: Fixture) {
    for _ in 0..8 {
        fixture.queue.enqueue(scripted("waiting")).await.expect("enqueued");
    }
    let worker = WorkerId::new();
    let limited = async |count: Option<u32>| {
        let rate = count.map(|count| Rate { count, period: Duration::from_secs(3_600) });
        let limits = QueueLimits { rate, max_running: Some(100), ..QueueLimits::default() };
        fixture.queue.set_limits(QueueName::Stats, limits).await.expect("limited");
    };
    let claims = async || {
        let claimed = testing::claim(&fixture.queue, worker, QueueName::Stats, &[Scripted::KIND], 10).await;
        claimed.expect("claimed").len()
    };

    for (count, claimed) in [(2, 2), (2, 0), (3, 1), (1, 0), (3, 0), (5, 2)] {
        limited(Some(count)).await;
        assert_eq!(claims().await, claimed, "{count} in an hour");
        assert_eq!(claims().await, 0, "{count} in an hour");
    }
    limited(None).await;
    limited(Some(5)).await;
    assert_eq!(claims().await, 0, "a rate that was removed for a moment still counts earlier starts");
}

pub(super) async fn concurrent_changes_of_limits_are_all_kept(fixture: Fixture) {
    let rate = Rate { count: 9, period: Duration::from_secs(60) };
    for round in 1..=5 {
        let queue = &fixture.queue;
        let running =
            queue.change_limits(QueueName::Stats, |now| QueueLimits { max_running: Some(round), ..now });
        let owner = queue
            .change_limits(QueueName::Stats, |now| QueueLimits { max_running_per_owner: Some(round), ..now });
        let rated = queue.change_limits(QueueName::Stats, |now| QueueLimits { rate: Some(rate), ..now });

        let changed = tokio::join!(running, owner, rated);

        let (one, two, three) = (changed.0.expect("one"), changed.1.expect("two"), changed.2.expect("three"));
        let all =
            QueueLimits { max_running: Some(round), max_running_per_owner: Some(round), rate: Some(rate) };
        assert!([one, two, three].contains(&all), "{one:?} {two:?} {three:?}");
        assert_eq!(queue.get_limits(QueueName::Stats).await.expect("limits"), all);
        queue.set_limits(QueueName::Stats, QueueLimits::default()).await.expect("lifted");
    }
}

pub(super) async fn a_removed_limit_blocks_no_job(fixture: Fixture) {
    let none = QueueLimits { max_running: Some(0), ..QueueLimits::default() };
    fixture.queue.set_limits(QueueName::Stats, none).await.expect("limited");
    let _worker = fixture.worker(2);
    let id = fixture.queue.enqueue(scripted("held")).await.expect("enqueued").id;
    fixture
        .until("it says why", async || {
            let why = fixture.queue.why(&fixture.job(id).await).await.expect("a reason");
            (why.code == "QUEUE_LIMIT").then_some(())
        })
        .await;
    assert_eq!(fixture.queue.get_limits(QueueName::Stats).await.expect("limits"), none);

    fixture.queue.set_limits(QueueName::Stats, QueueLimits::default()).await.expect("lifted");

    fixture.reaches(id, JobState::Succeeded).await;
}
