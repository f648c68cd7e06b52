use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use atelier_entities::{JobId, JobState, UserId};
use atelier_queue::{Lane, NewJob, Outcome, QueueError};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, IntoActiveModel};
use uuid::Uuid;

use super::{
    fixture::Fixture,
    scripted::{Unknown, scripted, with_effect},
};

pub(super) async fn urgent_goes_before_normal_before_bulk(fixture: Fixture) {
    for (name, lane) in [("bulk", Lane::Bulk), ("normal", Lane::Normal), ("urgent", Lane::Urgent)] {
        fixture.queue.enqueue(scripted(name).in_lane(lane)).await.expect("enqueued");
    }
    fixture.forget_transport().await;

    let _worker = fixture.worker(1);
    fixture.until("all ran", async || (fixture.handlers.order().len() == 3).then_some(())).await;

    assert_eq!(fixture.handlers.order(), ["urgent", "normal", "bulk"]);
}

/// Enqueues this number of jobs of an owner in one transaction.
async fn enqueue_many(fixture: &Fixture, name: &str, count: usize, owner: UserId) -> Vec<JobId> {
    let tx = fixture.queue.begin().await.expect("a transaction");
    let jobs = (0..count).map(|_| scripted(name).owned_by(owner)).collect();
    let enqueued = tx.enqueue_all(jobs).await.expect("enqueued");
    tx.commit().await.expect("committed");
    enqueued.iter().map(|job| job.id).collect()
}

/// Makes all waiting jobs an hour older.
async fn let_an_hour_pass(fixture: &Fixture) {
    let hour = 3_600_000;
    fixture
        .queue
        .db()
        .execute_unprepared(&format!("UPDATE jobs SET rank = rank - {hour}"))
        .await
        .expect("older");
}

/// The number of jobs that start before the one with this name, on a worker with one slot.
async fn started_before(fixture: &Fixture, name: &str) -> usize {
    fixture.forget_transport().await;
    let _worker = fixture.worker(1);
    fixture.until("it ran", async || fixture.handlers.order().iter().position(|other| other == name)).await
}

pub(super) async fn jobs_with_a_unique_key_take_their_owners_turns_too(fixture: Fixture) {
    let owner = UserId::new();
    let keyed = |key: &str| scripted("keyed").owned_by(owner).unique(key);
    let rank_of = async |job: NewJob| {
        let enqueued = fixture.queue.enqueue(job).await.expect("enqueued").into_job().expect("a row");
        assert_eq!(enqueued, fixture.job(enqueued.id).await);
        let turn = i64::from(enqueued.timeout_secs) * 1_000;
        (enqueued.rank - enqueued.run_at.timestamp_millis()) / turn
    };

    assert_eq!(rank_of(keyed("first")).await, 0);
    enqueue_many(&fixture, "plain", 2, owner).await;
    assert_eq!(rank_of(keyed("second")).await, 3);
    assert_eq!(rank_of(scripted("plain").owned_by(owner)).await, 4);
    assert_eq!(rank_of(keyed("third").owned_by(UserId::new())).await, 0);
}

pub(super) async fn a_single_job_does_not_wait_for_another_owners_backlog(fixture: Fixture) {
    enqueue_many(&fixture, "busy", 300, UserId::new()).await;
    fixture.queue.enqueue(scripted("quiet").owned_by(UserId::new())).await.expect("enqueued");

    let before = started_before(&fixture, "quiet").await;

    assert!(before <= 5, "{before} jobs of the busy owner went before it");
}

pub(super) async fn a_single_job_enqueued_an_hour_later_does_not_wait_for_the_backlog(fixture: Fixture) {
    // A job may take 20 s, so one slot runs at least 180 jobs in an hour.
    let hundreds = enqueue_many(&fixture, "busy", 600, UserId::new()).await;
    let_an_hour_pass(&fixture).await;
    for id in &hundreds[..180] {
        fixture.queue.cancel(*id, None).await.expect("cancelled");
    }
    fixture.queue.enqueue(scripted("quiet").owned_by(UserId::new())).await.expect("enqueued");

    let before = started_before(&fixture, "quiet").await;

    assert!(before <= 5, "{before} jobs of the busy owner went before it");
}

pub(super) async fn an_urgent_job_goes_before_its_owners_backlog(fixture: Fixture) {
    let owner = UserId::new();
    enqueue_many(&fixture, "normal", 300, owner).await;
    fixture.queue.enqueue(scripted("urgent").owned_by(owner).in_lane(Lane::Urgent)).await.expect("enqueued");

    assert_eq!(started_before(&fixture, "urgent").await, 0);
}

pub(super) async fn retried_jobs_take_a_turn_of_their_owner(fixture: Fixture) {
    for id in enqueue_many(&fixture, "busy", 60, UserId::new()).await {
        fixture.queue.cancel(id, None).await.expect("cancelled");
        fixture.queue.retry(id, None).await.expect("run again");
    }
    fixture.queue.enqueue(scripted("quiet").owned_by(UserId::new())).await.expect("enqueued");

    let before = started_before(&fixture, "quiet").await;

    assert!(before <= 5, "{before} jobs of the busy owner went before it");
}

pub(super) async fn no_more_run_than_the_concurrency_allows(fixture: Fixture) {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, peak) = (running.clone(), most.clone());
    fixture.handlers.on("counted", move |_| {
        let (running, most) = (counted.clone(), peak.clone());
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(Outcome::done())
        }
    });
    let tx = fixture.queue.begin().await.expect("a transaction");
    let enqueued = tx.enqueue_all((0..60).map(|_| scripted("counted")).collect()).await.expect("enqueued");
    tx.commit().await.expect("committed");

    let _worker = fixture.worker(3);
    for job in &enqueued {
        fixture.reaches(job.id, JobState::Succeeded).await;
    }

    assert_eq!(most.load(Ordering::SeqCst), 3, "all three slots were used, and no more");
}

pub(super) async fn an_unknown_kind_waits_for_a_worker_that_knows_it(fixture: Fixture) {
    let _old = fixture.worker(4);
    let knows_unknown = fixture.queue.enqueue(NewJob::of(&Unknown {})).await.expect("enqueued").id;
    let known = fixture.queue.enqueue(scripted("known")).await.expect("enqueued").id;
    fixture.reaches(known, JobState::Succeeded).await;
    let waiting = fixture.job(knows_unknown).await;
    assert_eq!((waiting.state, waiting.attempt), (JobState::Available, 0));
    assert_eq!(fixture.queue.why(&waiting).await.expect("a reason").code, "KIND_UNKNOWN");

    let _new = fixture.worker_of_the_next_version();

    fixture.reaches(knows_unknown, JobState::Succeeded).await;
}

pub(super) async fn a_job_not_started_in_time_is_cancelled(fixture: Fixture) {
    let soon = fixture.queue.now() + Duration::from_millis(50);

    let id = fixture.queue.enqueue(scripted("late").expiring(soon)).await.expect("enqueued").id;
    let job = fixture.reaches(id, JobState::Cancelled).await;

    assert_eq!(job.error.expect("a reason")["code"], "EXPIRED");
}

pub(super) async fn jobs_not_started_in_time_are_cancelled_together(fixture: Fixture) {
    let (soon, subjects) =
        (fixture.queue.now() + Duration::from_millis(50), [Uuid::now_v7(), Uuid::now_v7()]);
    let tx = fixture.queue.begin().await.expect("a transaction");
    let late = |subject| with_effect("late").expiring(soon).about(subject);
    let enqueued = tx.enqueue_all(vec![late(subjects[1]), late(subjects[0])]).await.expect("enqueued");
    tx.commit().await.expect("committed");

    for job in &enqueued {
        fixture.reaches(job.id, JobState::Cancelled).await;
        assert_eq!(fixture.handlers.effects(job.id), [JobState::Cancelled]);
    }
    assert_eq!(fixture.handlers.effect_batches(), [[enqueued[1].id, enqueued[0].id]]);
}

async fn rename(fixture: &Fixture, id: JobId, kind: &str) {
    let mut row = fixture.job(id).await.into_active_model();
    row.kind = Set(kind.to_owned());
    row.update(fixture.queue.db()).await.expect("renamed");
}

pub(super) async fn jobs_under_an_earlier_name_are_run(fixture: Fixture) {
    let id = fixture.queue.enqueue(scripted("renamed")).await.expect("enqueued").id;
    rename(&fixture, id, "test.earlier_name").await;

    let _worker = fixture.worker(1);

    fixture.reaches(id, JobState::Succeeded).await;
}

pub(super) async fn jobs_under_an_earlier_name_have_their_effects(fixture: Fixture) {
    let mut ids = Vec::new();
    for name in ["runs", "is cancelled"] {
        let id = fixture.queue.enqueue(with_effect(name)).await.expect("enqueued").id;
        rename(&fixture, id, "test.with_earlier_effect").await;
        ids.push(id);
    }
    fixture.queue.cancel(ids[1], None).await.expect("cancelled");

    let _worker = fixture.worker(1);
    fixture.reaches(ids[0], JobState::Succeeded).await;

    assert_eq!(fixture.handlers.effects(ids[0]), [JobState::Succeeded]);
    assert_eq!(fixture.handlers.effects(ids[1]), [JobState::Cancelled]);
}

pub(super) async fn only_the_last_job_of_a_debounced_series_runs(fixture: Fixture) {
    let _worker = fixture.worker(4);
    let quiet = Duration::from_millis(400);
    let mut ids = Vec::new();
    for name in ["first", "second", "third"] {
        ids.push(fixture.queue.enqueue(scripted(name).debounced("series", quiet)).await.expect("enqueued"));
    }

    fixture.reaches(ids[0].id, JobState::Succeeded).await;
    let next = fixture.queue.enqueue(scripted("next").debounced("series", quiet)).await.expect("enqueued");

    assert!(ids.iter().all(|enqueued| enqueued.id == ids[0].id));
    assert_eq!(fixture.handlers.order(), ["third"]);
    assert_ne!(next.id, ids[0].id, "a job after the series is a new one");
}

pub(super) async fn a_debounced_series_without_a_quiet_time_runs_in_the_end(fixture: Fixture) {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let enqueue = async |name: &str| {
        let job = scripted(name).debounced_at_most("busy", minutes(60), minutes(180));
        fixture.queue.enqueue(job).await.expect("enqueued").id
    };
    let id = enqueue("first").await;
    let last_for = async |so_long: Duration| {
        let mut row = fixture.job(id).await.into_active_model();
        row.created_at = Set(fixture.queue.now() - so_long);
        row.update(fixture.queue.db()).await.expect("aged");
    };

    last_for(minutes(150)).await;
    assert_eq!(enqueue("second").await, id);
    let job = fixture.job(id).await;
    assert_eq!(job.run_at, job.created_at + minutes(180), "no later, however many come");
    last_for(minutes(200)).await;
    assert_eq!(enqueue("third").await, id);
    let _worker = fixture.worker(1);
    fixture.reaches(id, JobState::Succeeded).await;

    assert_eq!(fixture.handlers.order(), ["third"]);
}

pub(super) async fn the_replacement_of_a_debounced_job_is_validated(fixture: Fixture) {
    let too_long = "x".repeat(fixture.queue.options().max_args_bytes);
    let enqueue = async |name: &str| {
        fixture.queue.enqueue(scripted(name).debounced("key", Duration::from_secs(3_600))).await
    };
    let first = enqueue("first").await.expect("enqueued");

    let odd = enqueue("a\0b").await.expect("enqueued");
    let refused = enqueue(&too_long).await;

    assert_eq!((odd.id, odd.duplicate), (first.id, true));
    assert!(matches!(refused, Err(QueueError::Args { .. })), "{refused:?}");
    assert_eq!(fixture.job(first.id).await.args["name"], "a\u{fffd}b");
}

pub(super) async fn a_throttled_key_runs_once_in_a_period(fixture: Fixture) {
    let _worker = fixture.worker(4);
    let period = Duration::from_secs(3_600);
    let first = fixture.queue.enqueue(scripted("first").throttled("key", period)).await.expect("enqueued");
    fixture.reaches(first.id, JobState::Succeeded).await;

    let second = fixture.queue.enqueue(scripted("second").throttled("key", period)).await.expect("enqueued");
    let other = fixture.queue.enqueue(scripted("other").throttled("other", period)).await.expect("enqueued");
    fixture.queue.clock().advance(chrono::TimeDelta::hours(2));
    let later = fixture.queue.enqueue(scripted("later").throttled("key", period)).await.expect("enqueued");

    assert_eq!((second.id, second.duplicate), (first.id, true));
    assert!(!other.duplicate && !later.duplicate);
}
