use std::{sync::Arc, time::Duration};

use atelier_entities::{AttemptOutcome, JobState, WorkerId, jobs};
use atelier_queue::{
    Backoff, Ending, Job, JobError, Outcome, QueueName,
    removal::delete_in_batches,
    retention::{self, RetentionRules},
    testing,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, IntoActiveModel};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use uuid::Uuid;

use super::{
    fixture::Fixture,
    scripted::{WithEffect, scripted, with_effect},
};

pub(super) async fn an_error_is_retried_and_recorded(fixture: Fixture) {
    fixture.handlers.on("flaky", async |ctx| match ctx.attempt() {
        1 => Err(JobError::retry("UPSTREAM", "no answer")),
        _ => Ok(Outcome::Done(json!(ctx.attempt()))),
    });
    let _worker = fixture.worker(1);

    let id = fixture.queue.enqueue(scripted("flaky")).await.expect("enqueued").id;
    let job = fixture.reaches(id, JobState::Succeeded).await;

    assert_eq!((job.attempt, job.result.clone()), (2, Some(json!(2))));
    assert_eq!(job.error, None, "a job that succeeded has no error");
    let attempts = fixture.queue.list_attempts(&job).await.expect("attempts");
    let outcomes: Vec<_> = attempts.iter().map(|attempt| (attempt.number, attempt.outcome)).collect();
    assert_eq!(outcomes, [(1, Some(AttemptOutcome::Failed)), (2, Some(AttemptOutcome::Succeeded))]);
    assert_eq!(attempts[0].error.as_ref().expect("an error")["code"], "UPSTREAM");
}

pub(super) async fn the_last_attempt_fails_the_job(fixture: Fixture) {
    fixture.handlers.on("broken", async |_| Err(JobError::retry("BROKEN", "it never works")));
    let _worker = fixture.worker(1);

    let id = fixture.queue.enqueue(scripted("broken")).await.expect("enqueued").id;
    let job = fixture.reaches(id, JobState::Failed).await;

    assert_eq!(job.attempt, 3);
    assert_eq!(fixture.handlers.starts(id), 3);
    assert_eq!(job.error.expect("an error")["message"], "it never works");
}

pub(super) async fn a_permanent_error_fails_the_job_at_once(fixture: Fixture) {
    fixture.handlers.on("hopeless", async |_| Err(JobError::fail("GONE", "it is gone")));
    let _worker = fixture.worker(1);

    let id = fixture.queue.enqueue(scripted("hopeless")).await.expect("enqueued").id;
    fixture.reaches(id, JobState::Failed).await;

    assert_eq!(fixture.handlers.starts(id), 1);
}

pub(super) async fn a_panic_counts_as_an_attempt_and_the_worker_continues(fixture: Fixture) {
    fixture.handlers.on("panics", async |ctx| match ctx.attempt() {
        1 => panic!("an internal secret"),
        _ => Ok(Outcome::done()),
    });
    let _worker = fixture.worker(1);

    let id = fixture.queue.enqueue(scripted("panics")).await.expect("enqueued").id;
    let job = fixture.reaches(id, JobState::Succeeded).await;
    let next = fixture.queue.enqueue(scripted("after")).await.expect("enqueued").id;
    fixture.reaches(next, JobState::Succeeded).await;

    let attempts = fixture.queue.list_attempts(&job).await.expect("attempts");
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::Panicked));
    let expected = json!({"code": "PANICKED", "message": "the handler crashed"});
    assert_eq!(attempts[0].error, Some(expected), "the panic message is only logged");
}

pub(super) async fn an_attempt_ends_at_its_time_limit(fixture: Fixture) {
    fixture.handlers.on("endless", async |_| std::future::pending().await);
    let _worker = fixture.worker(1);

    let job = scripted("endless").with_limits(1, Duration::from_secs(1));
    let id = fixture.queue.enqueue(job).await.expect("enqueued").id;
    let job = fixture.reaches(id, JobState::Failed).await;

    assert_eq!(job.error.as_ref().expect("an error")["code"], "TIMED_OUT");
    let attempts = fixture.queue.list_attempts(&job).await.expect("attempts");
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::TimedOut));
}

pub(super) async fn a_snooze_spends_no_attempt(fixture: Fixture) {
    let handlers = fixture.handlers.clone();
    fixture.handlers.on("patient", move |ctx| {
        let seen = handlers.starts(ctx.id());
        async move {
            if seen < 6 { Ok(Outcome::Snooze(Duration::from_millis(10))) } else { Ok(Outcome::done()) }
        }
    });
    let _worker = fixture.worker(1);

    let id = fixture.queue.enqueue(scripted("patient")).await.expect("enqueued").id;
    let job = fixture.reaches(id, JobState::Succeeded).await;

    assert_eq!(job.attempt, 1, "five snoozes counted no attempt");
    assert_eq!(fixture.handlers.starts(id), 6, "more starts than attempts are allowed");
}

pub(super) async fn a_handler_may_cancel_its_job(fixture: Fixture) {
    fixture.handlers.on("unwanted", async |_| Ok(Outcome::Cancel("the project is gone".to_owned())));
    let _worker = fixture.worker(1);

    let id = fixture.queue.enqueue(scripted("unwanted")).await.expect("enqueued").id;
    let job = fixture.reaches(id, JobState::Cancelled).await;

    assert_eq!(job.error.expect("a reason")["message"], "the project is gone");
}

pub(super) async fn unreadable_args_wait_for_a_version_that_can_read_them(fixture: Fixture) {
    let readable = fixture.job(fixture.queue.enqueue(scripted("mangled")).await.expect("enqueued").id).await;
    let id = readable.id;
    let write = async |args: Value| {
        let mut row = fixture.job(id).await.into_active_model();
        row.args = Set(args);
        row.update(fixture.queue.db()).await.expect("written");
    };
    write(json!({"nom": 7})).await;
    let _worker = fixture.worker(1);

    let waiting = fixture.reaches(id, JobState::Scheduled).await;
    let why = fixture.queue.why(&waiting).await.expect("a reason");
    write(readable.args.clone()).await;
    fixture.queue.clock().advance(chrono::TimeDelta::minutes(1));
    let read = fixture.reaches(id, JobState::Succeeded).await;

    assert_eq!((waiting.attempt, why.code.as_ref()), (0, "ARGS_UNREADABLE"));
    assert_eq!((read.attempt, read.error), (1, None));
}

pub(super) async fn args_that_no_version_reads_for_a_day_fail_the_job(fixture: Fixture) {
    let id = fixture.queue.enqueue(scripted("mangled")).await.expect("enqueued").id;
    let mut row = fixture.job(id).await.into_active_model();
    row.args = Set(json!({"nom": 7}));
    row.created_at = Set(fixture.queue.now() - chrono::TimeDelta::hours(25));
    row.update(fixture.queue.db()).await.expect("written");
    let _worker = fixture.worker(1);

    let job = fixture.reaches(id, JobState::Failed).await;

    assert_eq!(job.error.expect("an error")["code"], "UNDECODABLE_ARGS");
}

pub(super) async fn a_result_beyond_the_limit_fails_the_job(fixture: Fixture) {
    let bound = fixture.queue.options().max_result_bytes;
    fixture.handlers.on("talkative", move |_| async move { Ok(Outcome::Done(json!("x".repeat(bound)))) });
    let _worker = fixture.worker(1);

    let id = fixture.queue.enqueue(scripted("talkative")).await.expect("enqueued").id;
    let job = fixture.reaches(id, JobState::Failed).await;

    assert_eq!(job.error.expect("an error")["code"], "RESULT_TOO_LARGE");
}

pub(super) async fn effects_happen_once_with_the_end(fixture: Fixture) {
    fixture.handlers.on("fails", async |_| Err(JobError::retry("BROKEN", "broken")));
    let cancelled = fixture.queue.enqueue(with_effect("cancelled")).await.expect("enqueued").id;
    fixture.queue.cancel(cancelled, None).await.expect("cancelled");
    let _worker = fixture.worker(2);

    let succeeds = fixture.queue.enqueue(with_effect("succeeds")).await.expect("enqueued").id;
    let fails = fixture.queue.enqueue(with_effect("fails")).await.expect("enqueued").id;
    fixture.reaches(succeeds, JobState::Succeeded).await;
    fixture.reaches(fails, JobState::Failed).await;

    assert_eq!(fixture.handlers.effects(succeeds), [JobState::Succeeded]);
    assert_eq!(fixture.handlers.effects(fails), [JobState::Failed], "retries have no effect");
    assert_eq!(fixture.handlers.effects(cancelled), [JobState::Cancelled]);
}

pub(super) async fn a_failed_effect_is_retried_with_the_end(fixture: Fixture) {
    fixture.handlers.fail_effects(2);
    let _worker = fixture.worker(1);

    let id = fixture.queue.enqueue(with_effect("stubborn")).await.expect("enqueued").id;
    let job = fixture.reaches(id, JobState::Succeeded).await;

    assert_eq!(fixture.handlers.effects(id), [JobState::Succeeded]);
    assert_eq!((job.attempt, fixture.handlers.starts(id)), (1, 1), "the handler does not run again");
}

pub(super) async fn ends_with_effects_are_written_together(fixture: Fixture) {
    let worker = WorkerId::new();
    let subjects: Vec<Uuid> = (0..4).map(|_| Uuid::now_v7()).collect();
    let mut ids = Vec::new();
    for subject in subjects.iter().rev() {
        let job = with_effect("together").about(*subject);
        ids.push(fixture.queue.enqueue(job).await.expect("enqueued").id);
    }
    let claimed = testing::claim(&fixture.queue, worker, QueueName::Stats, &[WithEffect::KIND], 4).await;
    let claimed = claimed.expect("claimed");
    fixture.queue.cancel(ids[0], None).await.expect("cancellation requested");
    let ending = |id| match ids.iter().position(|known| *known == id) {
        Some(0 | 1) => Ending::Returned(Err(JobError::retry("AGAIN", "again"))),
        _succeeds => Ending::Returned(Ok(Outcome::done())),
    };

    let ends = claimed.into_iter().map(|job| (job.clone(), ending(job.id))).collect();
    let written = testing::finish(&fixture.queue, ends, Backoff::Fixed(Duration::from_secs(60))).await;

    assert_eq!(written.expect("written"), [true; 4]);
    assert_eq!(
        fixture.handlers.effect_batches(),
        [[ids[3], ids[2], ids[0]]],
        "in the order of their subjects"
    );
    assert_eq!(fixture.handlers.effects(ids[0]), [JobState::Cancelled], "its cancellation was requested");
    assert_eq!(fixture.handlers.effects(ids[1]), [], "it is retried");
    assert_eq!(fixture.job(ids[1]).await.state, JobState::Retrying);
}

pub(super) async fn a_failed_effect_does_not_block_other_ends(fixture: Fixture) {
    let gate = Arc::new(Barrier::new(6));
    let opened = gate.clone();
    fixture.handlers.on("gated", move |_| {
        let gate = opened.clone();
        async move {
            gate.wait().await;
            Ok(Outcome::done())
        }
    });
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(fixture.queue.enqueue(with_effect("gated")).await.expect("enqueued").id);
    }
    fixture.handlers.fail_effects_of(Some(ids[2]));
    let _worker = fixture.worker(6);

    for id in ids.iter().filter(|id| **id != ids[2]) {
        fixture.reaches(*id, JobState::Succeeded).await;
        assert_eq!(fixture.handlers.effects(*id), [JobState::Succeeded]);
    }
    assert_eq!(fixture.job(ids[2]).await.state, JobState::Running);

    fixture.handlers.fail_effects_of(None);
    fixture.reaches(ids[2], JobState::Succeeded).await;
    assert_eq!(
        (fixture.handlers.effects(ids[2]), fixture.handlers.starts(ids[2])),
        (vec![JobState::Succeeded], 1)
    );
}

pub(super) async fn rows_are_deleted_in_batches(fixture: Fixture) {
    let tx = fixture.queue.begin().await.expect("a transaction");
    let jobs = (0..25).map(|number| scripted(&format!("job-{number}"))).collect();
    let mut kept = tx.enqueue_all(jobs).await.expect("enqueued");
    tx.commit().await.expect("committed");
    let deleted = kept.split_off(5);
    let which = Condition::all().add(jobs::Column::Id.is_in(deleted.iter().map(|enqueued| enqueued.id)));

    for expected in [20, 0] {
        let rows = delete_in_batches::<jobs::Entity>(&fixture.queue, which.clone(), 10).await;
        assert_eq!(rows.expect("deleted"), expected);
    }
    for enqueued in kept {
        fixture.job(enqueued.id).await;
    }
}

pub(super) async fn retention_deletes_old_ended_jobs(fixture: Fixture) {
    fixture.handlers.on("fails", async |_| Err(JobError::fail("BROKEN", "broken")));
    let worker = fixture.worker(2);
    let done = fixture.queue.enqueue(scripted("done")).await.expect("enqueued").id;
    let failed = fixture.queue.enqueue(scripted("fails")).await.expect("enqueued").id;
    fixture.reaches(done, JobState::Succeeded).await;
    fixture.reaches(failed, JobState::Failed).await;
    worker.stop().await;
    let waiting = fixture.queue.enqueue(scripted("waiting")).await.expect("enqueued").id;
    for id in [done, failed, waiting] {
        let mut row: jobs::ActiveModel = fixture.job(id).await.into_active_model();
        let long_ago = fixture.queue.now() - Duration::from_secs(100);
        row.created_at = Set(long_ago);
        row.finished_at = Set((id != waiting).then_some(long_ago));
        row.update(fixture.queue.db()).await.expect("aged");
    }

    let rules = RetentionRules {
        succeeded: Duration::from_secs(50),
        failed: Duration::from_secs(200),
        cancelled: Duration::from_secs(50),
        batch: 1,
    };
    let swept = retention::sweep(&fixture.queue, &rules).await.expect("swept");

    assert_eq!(swept, 1);
    assert!(fixture.queue.find_job(done, None).await.expect("a database").is_none());
    fixture.job(failed).await;
    fixture.job(waiting).await;
}
