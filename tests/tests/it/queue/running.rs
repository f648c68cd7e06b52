use std::{collections::HashSet, time::Duration};

use atelier_entities::{JobId, JobState, UserId};
use atelier_queue::{NewJob, Origin, Outcome, QueueError, inspect::JobStatus};
use serde_json::json;
use uuid::Uuid;

use super::{
    fixture::Fixture,
    scripted::{Scripted, scripted},
};

pub(super) async fn a_job_runs_once_and_keeps_its_result(fixture: Fixture) {
    fixture.handlers.on("sum", async |_| Ok(Outcome::Done(json!({"sum": 3}))));
    let _worker = fixture.worker(4);

    let enqueued = fixture.queue.enqueue(scripted("sum")).await.expect("enqueued");
    let job = fixture.reaches(enqueued.id, JobState::Succeeded).await;

    assert!(!enqueued.duplicate);
    assert_eq!(job.result, Some(json!({"sum": 3})));
    assert_eq!((job.attempt, job.error), (1, None));
    assert!(job.started_at.is_some() && job.finished_at.is_some());
    assert_eq!(fixture.handlers.starts(job.id), 1);
    let attempts = fixture.queue.list_attempts(&fixture.job(job.id).await).await.expect("attempts");
    assert_eq!(attempts.len(), 1, "the successful attempt is listed");
}

pub(super) async fn a_batch_over_two_workers_runs_each_job_once(fixture: Fixture) {
    const JOBS: usize = 1_500;
    let (_one, _two) = (fixture.worker(50), fixture.worker(50));
    let tx = fixture.queue.begin().await.expect("a transaction");
    let jobs = (0..JOBS).map(|number| scripted(&format!("job-{number}"))).collect();
    let enqueued = tx.enqueue_all(jobs).await.expect("enqueued");
    tx.commit().await.expect("committed");

    for job in &enqueued {
        fixture.reaches(job.id, JobState::Succeeded).await;
    }

    let names: HashSet<String> = fixture.handlers.order().into_iter().collect();
    assert_eq!(fixture.handlers.order().len(), JOBS, "nothing ran twice");
    assert_eq!(names.len(), JOBS, "no job was left out");
    fixture
        .until("Redis holds nothing of finished jobs", async || {
            let keys = fixture.transport_keys().await;
            (!keys.iter().any(|key| key.contains(":meta:") || key.ends_with(":data"))).then_some(())
        })
        .await;
}

pub(super) async fn a_rolled_back_enqueue_leaves_nothing(fixture: Fixture) {
    let tx = fixture.queue.begin().await.expect("a transaction");
    let enqueued = tx.enqueue(scripted("never")).await.expect("enqueued");
    tx.rollback().await.expect("rolled back");

    assert!(fixture.queue.find_job(enqueued.id, None).await.expect("a database").is_none());
}

pub(super) async fn an_enqueue_returns_the_stored_job(fixture: Fixture) {
    let hour = Duration::from_secs(3_600);
    let later = fixture.queue.now() + hour + Duration::from_nanos(1_500);
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
        let enqueued = fixture.queue.enqueue(job).await.expect("enqueued");
        let stored = fixture.job(enqueued.id).await;

        assert_eq!((enqueued.duplicate, enqueued.job), (duplicate, Some(stored)));
    }
}

pub(super) async fn a_second_enqueue_of_a_unique_key_returns_the_first_job(fixture: Fixture) {
    let first = fixture.queue.enqueue(scripted("one").unique("key")).await.expect("enqueued");
    let second = fixture.queue.enqueue(scripted("two").unique("key")).await.expect("enqueued");
    assert_eq!(second.id, first.id);
    assert!(second.duplicate && !first.duplicate);

    let _worker = fixture.worker(1);
    fixture.reaches(first.id, JobState::Succeeded).await;
    let third = fixture.queue.enqueue(scripted("three").unique("key")).await.expect("enqueued");

    assert_ne!(third.id, first.id, "a key is free again once its job has ended");
    fixture.reaches(third.id, JobState::Succeeded).await;
}

pub(super) async fn a_status_has_what_the_row_has(fixture: Fixture) {
    let (ada, bob) = (UserId::new(), UserId::new());
    fixture.handlers.on("done", async |_| Ok(Outcome::Done(json!({"answer": 42}))));
    let _worker = fixture.worker(1);
    let done = fixture.queue.enqueue(scripted("done").owned_by(ada).about(Uuid::now_v7())).await;
    let id = done.expect("enqueued").id;
    let row = fixture.reaches(id, JobState::Succeeded).await;

    let status = fixture.queue.find_status(id, Some(ada)).await.expect("read").expect("hers");
    assert_eq!(status, JobStatus::from(row));
    assert_eq!(fixture.queue.find_polled_status(id, None).await.expect("read"), Some(status));
    assert_eq!(fixture.queue.find_status(id, Some(bob)).await.expect("read"), None);
    assert_eq!(fixture.queue.find_status(JobId::new(), None).await.expect("read"), None);
}

pub(super) async fn concurrent_enqueues_of_a_unique_key_make_one_job(fixture: Fixture) {
    let enqueues = (0..16).map(|_| {
        let queue = fixture.queue.clone();
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

pub(super) async fn concurrent_enqueues_are_committed_when_they_return(fixture: Fixture) {
    let owners: Vec<UserId> = (0..3).map(|_| UserId::new()).collect();
    let enqueues = (0..120).map(|number| {
        let (queue, owner) = (fixture.queue.clone(), owners[number % 3]);
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
    assert_eq!(places.len(), 120, "each job of an owner ranks after the previous one");
}

pub(super) async fn an_enqueue_that_cannot_be_written_fails_alone(fixture: Fixture) {
    let enqueues = (0..40).map(|number| {
        let queue = fixture.queue.clone();
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

pub(super) async fn a_delayed_job_waits_for_its_time(fixture: Fixture) {
    let _worker = fixture.worker(4);
    let due = fixture.queue.now() + Duration::from_millis(700);
    let enqueued = fixture.queue.enqueue(scripted("later").at(due)).await.expect("enqueued");
    assert_eq!(fixture.job(enqueued.id).await.state, JobState::Scheduled);

    let job = fixture.reaches(enqueued.id, JobState::Succeeded).await;

    assert!(job.started_at.expect("started") >= due, "it did not start early");
}

pub(super) async fn args_beyond_the_limit_are_rejected(fixture: Fixture) {
    let args = Scripted { name: "x".repeat(fixture.queue.options().max_args_bytes) };

    let refused = fixture.queue.enqueue(NewJob::of(&args)).await;

    assert!(matches!(refused, Err(QueueError::Args { .. })), "{refused:?}");
}
