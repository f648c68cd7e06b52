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

use super::{
    bed::Bed,
    stage::{Novel, scripted, with_effect},
};

pub(super) async fn urgent_goes_before_normal_before_bulk(bed: Bed) {
    for (name, lane) in [("bulk", Lane::Bulk), ("normal", Lane::Normal), ("urgent", Lane::Urgent)] {
        bed.queue.enqueue(scripted(name).in_lane(lane)).await.expect("enqueued");
    }
    bed.forget_transport().await;

    let _worker = bed.worker(1);
    bed.until("all ran", async || (bed.stage.order().len() == 3).then_some(())).await;

    assert_eq!(bed.stage.order(), ["urgent", "normal", "bulk"]);
}

/// Enqueues so many jobs of somebody's at once.
async fn enqueue_many(bed: &Bed, name: &str, count: usize, owner: UserId) -> Vec<JobId> {
    let tx = bed.queue.begin().await.expect("a transaction");
    let jobs = (0..count).map(|_| scripted(name).owned_by(owner)).collect();
    let enqueued = tx.enqueue_all(jobs).await.expect("enqueued");
    tx.commit().await.expect("committed");
    enqueued.iter().map(|job| job.id).collect()
}

/// Makes everything that waits an hour older.
async fn let_an_hour_pass(bed: &Bed) {
    let hour = 3_600_000;
    bed.queue.db().execute_unprepared(&format!("UPDATE jobs SET rank = rank - {hour}")).await.expect("older");
}

/// How many jobs start before the one of that name on a worker of one slot.
async fn started_before(bed: &Bed, name: &str) -> usize {
    bed.forget_transport().await;
    let _worker = bed.worker(1);
    bed.until("it ran", async || bed.stage.order().iter().position(|other| other == name)).await
}

pub(super) async fn jobs_with_a_unique_key_take_their_owners_turns_too(bed: Bed) {
    let owner = UserId::new();
    let keyed = |key: &str| scripted("keyed").owned_by(owner).unique(key);
    let rank_of = async |job: NewJob| {
        let enqueued = bed.queue.enqueue(job).await.expect("enqueued").into_job().expect("a row");
        assert_eq!(enqueued, bed.job(enqueued.id).await);
        let turn = i64::from(enqueued.timeout_secs) * 1_000;
        (enqueued.rank - enqueued.run_at.timestamp_millis()) / turn
    };

    assert_eq!(rank_of(keyed("first")).await, 0);
    enqueue_many(&bed, "plain", 2, owner).await;
    assert_eq!(rank_of(keyed("second")).await, 3);
    assert_eq!(rank_of(scripted("plain").owned_by(owner)).await, 4);
    assert_eq!(rank_of(keyed("third").owned_by(UserId::new())).await, 0);
}

pub(super) async fn one_job_does_not_wait_for_another_owners_hundreds(bed: Bed) {
    enqueue_many(&bed, "busy", 300, UserId::new()).await;
    bed.queue.enqueue(scripted("quiet").owned_by(UserId::new())).await.expect("enqueued");

    let before = started_before(&bed, "quiet").await;

    assert!(before <= 5, "{before} jobs of the busy owner went before it");
}

pub(super) async fn one_job_that_comes_an_hour_later_does_not_wait_for_them_either(bed: Bed) {
    // A job may take 20 s: in an hour, one slot gets through 180 of them at least.
    let hundreds = enqueue_many(&bed, "busy", 600, UserId::new()).await;
    let_an_hour_pass(&bed).await;
    for id in &hundreds[..180] {
        bed.queue.cancel(*id, None).await.expect("cancelled");
    }
    bed.queue.enqueue(scripted("quiet").owned_by(UserId::new())).await.expect("enqueued");

    let before = started_before(&bed, "quiet").await;

    assert!(before <= 5, "{before} jobs of the busy owner went before it");
}

pub(super) async fn what_is_urgent_goes_before_its_own_owners_backlog(bed: Bed) {
    let owner = UserId::new();
    enqueue_many(&bed, "normal", 300, owner).await;
    bed.queue.enqueue(scripted("urgent").owned_by(owner).in_lane(Lane::Urgent)).await.expect("enqueued");

    assert_eq!(started_before(&bed, "urgent").await, 0);
}

pub(super) async fn jobs_that_are_run_again_take_their_owners_turns(bed: Bed) {
    for id in enqueue_many(&bed, "busy", 60, UserId::new()).await {
        bed.queue.cancel(id, None).await.expect("cancelled");
        bed.queue.retry(id, None).await.expect("run again");
    }
    bed.queue.enqueue(scripted("quiet").owned_by(UserId::new())).await.expect("enqueued");

    let before = started_before(&bed, "quiet").await;

    assert!(before <= 5, "{before} jobs of the busy owner went before it");
}

pub(super) async fn no_more_run_than_the_concurrency_allows(bed: Bed) {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, peak) = (running.clone(), most.clone());
    bed.stage.on("counted", move |_| {
        let (running, most) = (counted.clone(), peak.clone());
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(Outcome::done())
        }
    });
    let tx = bed.queue.begin().await.expect("a transaction");
    let enqueued = tx.enqueue_all((0..60).map(|_| scripted("counted")).collect()).await.expect("enqueued");
    tx.commit().await.expect("committed");

    let _worker = bed.worker(3);
    for job in &enqueued {
        bed.reaches(job.id, JobState::Succeeded).await;
    }

    assert_eq!(most.load(Ordering::SeqCst), 3, "all three slots were used, and no more");
}

pub(super) async fn a_kind_that_no_worker_knows_waits_for_one_that_does(bed: Bed) {
    let _old = bed.worker(4);
    let novel = bed.queue.enqueue(NewJob::of(&Novel {})).await.expect("enqueued").id;
    let known = bed.queue.enqueue(scripted("known")).await.expect("enqueued").id;
    bed.reaches(known, JobState::Succeeded).await;
    let waiting = bed.job(novel).await;
    assert_eq!((waiting.state, waiting.attempt), (JobState::Available, 0));
    assert_eq!(bed.queue.why(&waiting).await.expect("a reason").code, "KIND_UNKNOWN");

    let _new = bed.worker_of_the_next_version();

    bed.reaches(novel, JobState::Succeeded).await;
}

pub(super) async fn a_job_not_started_in_time_is_cancelled(bed: Bed) {
    let soon = bed.queue.now() + Duration::from_millis(50);

    let id = bed.queue.enqueue(scripted("late").expiring(soon)).await.expect("enqueued").id;
    let job = bed.reaches(id, JobState::Cancelled).await;

    assert_eq!(job.error.expect("a reason")["code"], "EXPIRED");
}

async fn rename(bed: &Bed, id: JobId, kind: &str) {
    let mut row = bed.job(id).await.into_active_model();
    row.kind = Set(kind.to_owned());
    row.update(bed.queue.db()).await.expect("renamed");
}

pub(super) async fn jobs_under_an_earlier_name_are_run(bed: Bed) {
    let id = bed.queue.enqueue(scripted("renamed")).await.expect("enqueued").id;
    rename(&bed, id, "test.earlier_name").await;

    let _worker = bed.worker(1);

    bed.reaches(id, JobState::Succeeded).await;
}

pub(super) async fn jobs_under_an_earlier_name_have_their_effects(bed: Bed) {
    let mut ids = Vec::new();
    for name in ["runs", "is cancelled"] {
        let id = bed.queue.enqueue(with_effect(name)).await.expect("enqueued").id;
        rename(&bed, id, "test.with_earlier_effect").await;
        ids.push(id);
    }
    bed.queue.cancel(ids[1], None).await.expect("cancelled");

    let _worker = bed.worker(1);
    bed.reaches(ids[0], JobState::Succeeded).await;

    assert_eq!(bed.stage.effects(ids[0]), [JobState::Succeeded]);
    assert_eq!(bed.stage.effects(ids[1]), [JobState::Cancelled]);
}

pub(super) async fn a_debounced_series_runs_its_last_once(bed: Bed) {
    let _worker = bed.worker(4);
    let quiet = Duration::from_millis(400);
    let mut ids = Vec::new();
    for name in ["first", "second", "third"] {
        ids.push(bed.queue.enqueue(scripted(name).debounced("series", quiet)).await.expect("enqueued"));
    }

    bed.reaches(ids[0].id, JobState::Succeeded).await;
    let next = bed.queue.enqueue(scripted("next").debounced("series", quiet)).await.expect("enqueued");

    assert!(ids.iter().all(|enqueued| enqueued.id == ids[0].id));
    assert_eq!(bed.stage.order(), ["third"]);
    assert_ne!(next.id, ids[0].id, "what comes after the series has run is a new one");
}

pub(super) async fn a_series_that_is_never_quiet_is_run_all_the_same(bed: Bed) {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let enqueue = async |name: &str| {
        let job = scripted(name).debounced_at_most("busy", minutes(60), minutes(180));
        bed.queue.enqueue(job).await.expect("enqueued").id
    };
    let id = enqueue("first").await;
    let last_for = async |so_long: Duration| {
        let mut row = bed.job(id).await.into_active_model();
        row.created_at = Set(bed.queue.now() - so_long);
        row.update(bed.queue.db()).await.expect("aged");
    };

    last_for(minutes(150)).await;
    assert_eq!(enqueue("second").await, id);
    let job = bed.job(id).await;
    assert_eq!(job.run_at, job.created_at + minutes(180), "no later, however many come");
    last_for(minutes(200)).await;
    assert_eq!(enqueue("third").await, id);
    let _worker = bed.worker(1);
    bed.reaches(id, JobState::Succeeded).await;

    assert_eq!(bed.stage.order(), ["third"]);
}

pub(super) async fn what_replaces_a_debounced_job_is_checked_like_any_other(bed: Bed) {
    let too_long = "x".repeat(bed.queue.options().max_args_bytes);
    let enqueue = async |name: &str| {
        bed.queue.enqueue(scripted(name).debounced("key", Duration::from_secs(3_600))).await
    };
    let first = enqueue("first").await.expect("enqueued");

    let odd = enqueue("a\0b").await.expect("enqueued");
    let refused = enqueue(&too_long).await;

    assert_eq!((odd.id, odd.duplicate), (first.id, true));
    assert!(matches!(refused, Err(QueueError::Args { .. })), "{refused:?}");
    assert_eq!(bed.job(first.id).await.args["name"], "a\u{fffd}b");
}

pub(super) async fn a_throttled_key_runs_once_in_a_period(bed: Bed) {
    let _worker = bed.worker(4);
    let period = Duration::from_secs(3_600);
    let first = bed.queue.enqueue(scripted("first").throttled("key", period)).await.expect("enqueued");
    bed.reaches(first.id, JobState::Succeeded).await;

    let second = bed.queue.enqueue(scripted("second").throttled("key", period)).await.expect("enqueued");
    let other = bed.queue.enqueue(scripted("other").throttled("other", period)).await.expect("enqueued");
    bed.queue.clock().advance(chrono::TimeDelta::hours(2));
    let later = bed.queue.enqueue(scripted("later").throttled("key", period)).await.expect("enqueued");

    assert_eq!((second.id, second.duplicate), (first.id, true));
    assert!(!other.duplicate && !later.duplicate);
}
