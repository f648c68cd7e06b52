use std::{collections::HashSet, time::Duration};

use atelier_entities::{JobId, JobState, UserId};
use atelier_queue::{NewJob, Origin, Outcome, QueueError, inspect::JobStatus};
use serde_json::json;
use uuid::Uuid;

use super::{
    bed::Bed,
    stage::{Scripted, scripted},
};

pub(super) async fn a_job_runs_once_and_keeps_its_result(bed: Bed) {
    bed.stage.on("sum", async |_| Ok(Outcome::Done(json!({"sum": 3}))));
    let _worker = bed.worker(4);

    let enqueued = bed.queue.enqueue(scripted("sum")).await.expect("enqueued");
    let job = bed.reaches(enqueued.id, JobState::Succeeded).await;

    assert!(!enqueued.duplicate);
    assert_eq!(job.result, Some(json!({"sum": 3})));
    assert_eq!((job.attempt, job.error), (1, None));
    assert!(job.started_at.is_some() && job.finished_at.is_some());
    assert_eq!(bed.stage.starts(job.id), 1);
    let attempts = bed.queue.list_attempts(&bed.job(job.id).await).await.expect("attempts");
    assert_eq!(attempts.len(), 1, "the attempt that succeeded is told");
}

pub(super) async fn a_batch_over_two_workers_runs_each_job_once(bed: Bed) {
    const JOBS: usize = 1_500;
    let (_one, _two) = (bed.worker(50), bed.worker(50));
    let tx = bed.queue.begin().await.expect("a transaction");
    let jobs = (0..JOBS).map(|number| scripted(&format!("job-{number}"))).collect();
    let enqueued = tx.enqueue_all(jobs).await.expect("enqueued");
    tx.commit().await.expect("committed");

    for job in &enqueued {
        bed.reaches(job.id, JobState::Succeeded).await;
    }

    let names: HashSet<String> = bed.stage.order().into_iter().collect();
    assert_eq!(bed.stage.order().len(), JOBS, "nothing ran twice");
    assert_eq!(names.len(), JOBS, "nothing was left out");
    bed.until("Redis holds nothing of finished jobs", async || {
        let keys = bed.transport_keys().await;
        (!keys.iter().any(|key| key.contains(":meta:") || key.ends_with(":data"))).then_some(())
    })
    .await;
}

pub(super) async fn a_rolled_back_enqueue_leaves_nothing(bed: Bed) {
    let tx = bed.queue.begin().await.expect("a transaction");
    let enqueued = tx.enqueue(scripted("never")).await.expect("enqueued");
    tx.rollback().await.expect("rolled back");

    assert!(bed.queue.find_job(enqueued.id, None).await.expect("a database").is_none());
}

pub(super) async fn an_enqueue_answers_the_job_as_it_is_stored(bed: Bed) {
    let hour = Duration::from_secs(3_600);
    let later = bed.queue.now() + hour + Duration::from_nanos(1_500);
    let origin = Origin { trace_parent: Some("trace".to_owned()), request_id: Some("request".to_owned()) };
    let full =
        scripted("a\0b").owned_by(UserId::new()).about(UserId::new().0).from_origin(origin).expiring(later);
    for (job, duplicate) in [
        (scripted("plain"), false),
        (full, false),
        (scripted("later").at(later), false),
        (scripted("unique").unique("key"), false),
        (scripted("the same").unique("key"), true),
        (scripted("debounced").debounced("key", hour), false),
        (scripted("debounced again").debounced("key", hour), true),
        (scripted("throttled").throttled("key", hour), false),
        (scripted("throttled again").throttled("key", hour), true),
    ] {
        let enqueued = bed.queue.enqueue(job).await.expect("enqueued");
        let stored = bed.job(enqueued.id).await;

        assert_eq!((enqueued.duplicate, enqueued.job), (duplicate, Some(stored)));
    }
}

pub(super) async fn a_second_enqueue_of_a_unique_key_answers_the_first(bed: Bed) {
    let first = bed.queue.enqueue(scripted("one").unique("key")).await.expect("enqueued");
    let second = bed.queue.enqueue(scripted("two").unique("key")).await.expect("enqueued");
    assert_eq!(second.id, first.id);
    assert!(second.duplicate && !first.duplicate);

    let _worker = bed.worker(1);
    bed.reaches(first.id, JobState::Succeeded).await;
    let third = bed.queue.enqueue(scripted("three").unique("key")).await.expect("enqueued");

    assert_ne!(third.id, first.id, "a key is free again once its job has ended");
    bed.reaches(third.id, JobState::Succeeded).await;
}

pub(super) async fn a_status_has_what_the_row_has(bed: Bed) {
    let (ada, bob) = (UserId::new(), UserId::new());
    bed.stage.on("done", async |_| Ok(Outcome::Done(json!({"answer": 42}))));
    let _worker = bed.worker(1);
    let done = bed.queue.enqueue(scripted("done").owned_by(ada).about(Uuid::now_v7())).await;
    let id = done.expect("enqueued").id;
    let row = bed.reaches(id, JobState::Succeeded).await;

    let status = bed.queue.find_status(id, Some(ada)).await.expect("read").expect("hers");
    assert_eq!(status, JobStatus::from(row));
    assert_eq!(bed.queue.find_polled_status(id, None).await.expect("read"), Some(status));
    assert_eq!(bed.queue.find_status(id, Some(bob)).await.expect("read"), None);
    assert_eq!(bed.queue.find_status(JobId::new(), None).await.expect("read"), None);
}

pub(super) async fn concurrent_enqueues_of_a_unique_key_make_one_job(bed: Bed) {
    let enqueues = (0..16).map(|_| {
        let queue = bed.queue.clone();
        tokio::spawn(async move { queue.enqueue(scripted("same").unique("contested")).await })
    });

    let mut ids = HashSet::new();
    let mut firsts = 0;
    for enqueue in futures::future::join_all(enqueues).await {
        let enqueued = enqueue.expect("no panic").expect("enqueued");
        ids.insert(enqueued.id);
        firsts += usize::from(!enqueued.duplicate);
    }

    assert_eq!((ids.len(), firsts), (1, 1));
}

pub(super) async fn concurrent_enqueues_are_each_there_when_they_are_answered(bed: Bed) {
    let owners: Vec<UserId> = (0..3).map(|_| UserId::new()).collect();
    let enqueues = (0..120).map(|number| {
        let (queue, owner) = (bed.queue.clone(), owners[number % 3]);
        let job = scripted(&format!("{number} \"quoted\" \\ {{}}")).owned_by(owner);
        tokio::spawn(async move {
            let id = queue.enqueue(job).await?.id;
            Ok::<_, QueueError>((number, queue.find_job(id, Some(owner)).await?))
        })
    });

    let mut places = HashSet::new();
    for enqueue in futures::future::join_all(enqueues).await {
        let (number, job) = enqueue.expect("no panic").expect("enqueued");
        let job = job.expect("it is committed");
        assert_eq!(job.args["name"], format!("{number} \"quoted\" \\ {{}}"));
        places.insert((job.owner_id, job.rank));
    }
    assert_eq!(places.len(), 120, "each job of an owner waits behind the one before");
}

pub(super) async fn an_enqueue_that_cannot_be_written_fails_alone(bed: Bed) {
    let enqueues = (0..40).map(|number| {
        let queue = bed.queue.clone();
        let request_id = (number == 20).then(|| "a\0b".to_owned());
        let job = scripted("any").from_origin(Origin { request_id, trace_parent: None });
        tokio::spawn(async move { queue.enqueue(job).await })
    });

    for (number, enqueue) in futures::future::join_all(enqueues).await.into_iter().enumerate() {
        let enqueued = enqueue.expect("no panic");
        // PostgreSQL keeps no NUL; SQLite does.
        assert!(enqueued.is_ok() || number == 20, "{number}: {enqueued:?}");
    }
}

pub(super) async fn a_delayed_job_waits_for_its_time(bed: Bed) {
    let _worker = bed.worker(4);
    let due = bed.queue.now() + Duration::from_millis(700);
    let enqueued = bed.queue.enqueue(scripted("later").at(due)).await.expect("enqueued");
    assert_eq!(bed.job(enqueued.id).await.state, JobState::Scheduled);

    let job = bed.reaches(enqueued.id, JobState::Succeeded).await;

    assert!(job.started_at.expect("started") >= due, "it did not start early");
}

pub(super) async fn args_beyond_the_bound_are_refused(bed: Bed) {
    let args = Scripted { name: "x".repeat(bed.queue.options().max_args_bytes) };

    let refused = bed.queue.enqueue(NewJob::of(&args)).await;

    assert!(matches!(refused, Err(QueueError::Args { .. })), "{refused:?}");
}
