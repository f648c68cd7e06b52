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
    bed::Bed,
    stage::{WithEffect, scripted, with_effect},
};

pub(super) async fn an_error_is_retried_and_recorded(bed: Bed) {
    bed.stage.on("flaky", async |ctx| match ctx.attempt() {
        1 => Err(JobError::retry("UPSTREAM", "no answer")),
        _ => Ok(Outcome::Done(json!(ctx.attempt()))),
    });
    let _worker = bed.worker(1);

    let id = bed.queue.enqueue(scripted("flaky")).await.expect("enqueued").id;
    let job = bed.reaches(id, JobState::Succeeded).await;

    assert_eq!((job.attempt, job.result.clone()), (2, Some(json!(2))));
    assert_eq!(job.error, None, "a job that succeeded has no error");
    let attempts = bed.queue.list_attempts(&job).await.expect("attempts");
    let outcomes: Vec<_> = attempts.iter().map(|attempt| (attempt.number, attempt.outcome)).collect();
    assert_eq!(outcomes, [(1, Some(AttemptOutcome::Failed)), (2, Some(AttemptOutcome::Succeeded))]);
    assert_eq!(attempts[0].error.as_ref().expect("an error")["code"], "UPSTREAM");
}

pub(super) async fn the_last_attempt_fails_the_job(bed: Bed) {
    bed.stage.on("broken", async |_| Err(JobError::retry("BROKEN", "it never works")));
    let _worker = bed.worker(1);

    let id = bed.queue.enqueue(scripted("broken")).await.expect("enqueued").id;
    let job = bed.reaches(id, JobState::Failed).await;

    assert_eq!(job.attempt, 3);
    assert_eq!(bed.stage.starts(id), 3);
    assert_eq!(job.error.expect("an error")["message"], "it never works");
}

pub(super) async fn an_error_that_cannot_pass_fails_at_once(bed: Bed) {
    bed.stage.on("hopeless", async |_| Err(JobError::fail("GONE", "it is gone")));
    let _worker = bed.worker(1);

    let id = bed.queue.enqueue(scripted("hopeless")).await.expect("enqueued").id;
    bed.reaches(id, JobState::Failed).await;

    assert_eq!(bed.stage.starts(id), 1);
}

pub(super) async fn a_panic_is_an_attempt_and_the_worker_goes_on(bed: Bed) {
    bed.stage.on("panics", async |ctx| match ctx.attempt() {
        1 => panic!("a secret of the inside"),
        _ => Ok(Outcome::done()),
    });
    let _worker = bed.worker(1);

    let id = bed.queue.enqueue(scripted("panics")).await.expect("enqueued").id;
    let job = bed.reaches(id, JobState::Succeeded).await;
    let next = bed.queue.enqueue(scripted("after")).await.expect("enqueued").id;
    bed.reaches(next, JobState::Succeeded).await;

    let attempts = bed.queue.list_attempts(&job).await.expect("attempts");
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::Panicked));
    let told = json!({"code": "PANICKED", "message": "the handler crashed"});
    assert_eq!(attempts[0].error, Some(told), "what it panicked with is for the log");
}

pub(super) async fn an_attempt_ends_at_its_time_limit(bed: Bed) {
    bed.stage.on("endless", async |_| std::future::pending().await);
    let _worker = bed.worker(1);

    let job = scripted("endless").with_limits(1, Duration::from_secs(1));
    let id = bed.queue.enqueue(job).await.expect("enqueued").id;
    let job = bed.reaches(id, JobState::Failed).await;

    assert_eq!(job.error.as_ref().expect("an error")["code"], "TIMED_OUT");
    let attempts = bed.queue.list_attempts(&job).await.expect("attempts");
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::TimedOut));
}

pub(super) async fn a_snooze_spends_no_attempt(bed: Bed) {
    let stage = bed.stage.clone();
    bed.stage.on("patient", move |ctx| {
        let seen = stage.starts(ctx.id());
        async move {
            if seen < 6 { Ok(Outcome::Snooze(Duration::from_millis(10))) } else { Ok(Outcome::done()) }
        }
    });
    let _worker = bed.worker(1);

    let id = bed.queue.enqueue(scripted("patient")).await.expect("enqueued").id;
    let job = bed.reaches(id, JobState::Succeeded).await;

    assert_eq!(job.attempt, 1, "five snoozes gave their attempts back");
    assert_eq!(bed.stage.starts(id), 6, "more starts than attempts are allowed");
}

pub(super) async fn a_handler_may_cancel_its_job(bed: Bed) {
    bed.stage.on("unwanted", async |_| Ok(Outcome::Cancel("the project is gone".to_owned())));
    let _worker = bed.worker(1);

    let id = bed.queue.enqueue(scripted("unwanted")).await.expect("enqueued").id;
    let job = bed.reaches(id, JobState::Cancelled).await;

    assert_eq!(job.error.expect("a reason")["message"], "the project is gone");
}

pub(super) async fn args_that_cannot_be_read_wait_for_a_version_that_can(bed: Bed) {
    let readable = bed.job(bed.queue.enqueue(scripted("mangled")).await.expect("enqueued").id).await;
    let id = readable.id;
    let write = async |args: Value| {
        let mut row = bed.job(id).await.into_active_model();
        row.args = Set(args);
        row.update(bed.queue.db()).await.expect("written");
    };
    write(json!({"nom": 7})).await;
    let _worker = bed.worker(1);

    let waiting = bed.reaches(id, JobState::Scheduled).await;
    let why = bed.queue.why(&waiting).await.expect("a reason");
    write(readable.args.clone()).await;
    bed.queue.clock().advance(chrono::TimeDelta::minutes(1));
    let read = bed.reaches(id, JobState::Succeeded).await;

    assert_eq!((waiting.attempt, why.code.as_ref()), (0, "ARGS_UNREADABLE"));
    assert_eq!((read.attempt, read.error), (1, None));
}

pub(super) async fn args_that_nobody_reads_in_a_day_fail_the_job(bed: Bed) {
    let id = bed.queue.enqueue(scripted("mangled")).await.expect("enqueued").id;
    let mut row = bed.job(id).await.into_active_model();
    row.args = Set(json!({"nom": 7}));
    row.created_at = Set(bed.queue.now() - chrono::TimeDelta::hours(25));
    row.update(bed.queue.db()).await.expect("written");
    let _worker = bed.worker(1);

    let job = bed.reaches(id, JobState::Failed).await;

    assert_eq!(job.error.expect("an error")["code"], "UNDECODABLE_ARGS");
}

pub(super) async fn a_result_beyond_the_bound_fails_the_job(bed: Bed) {
    let bound = bed.queue.options().max_result_bytes;
    bed.stage.on("talkative", move |_| async move { Ok(Outcome::Done(json!("x".repeat(bound)))) });
    let _worker = bed.worker(1);

    let id = bed.queue.enqueue(scripted("talkative")).await.expect("enqueued").id;
    let job = bed.reaches(id, JobState::Failed).await;

    assert_eq!(job.error.expect("an error")["code"], "RESULT_TOO_LARGE");
}

pub(super) async fn effects_happen_once_with_the_end(bed: Bed) {
    bed.stage.on("fails", async |_| Err(JobError::retry("BROKEN", "broken")));
    let cancelled = bed.queue.enqueue(with_effect("cancelled")).await.expect("enqueued").id;
    bed.queue.cancel(cancelled, None).await.expect("cancelled");
    let _worker = bed.worker(2);

    let succeeds = bed.queue.enqueue(with_effect("succeeds")).await.expect("enqueued").id;
    let fails = bed.queue.enqueue(with_effect("fails")).await.expect("enqueued").id;
    bed.reaches(succeeds, JobState::Succeeded).await;
    bed.reaches(fails, JobState::Failed).await;

    assert_eq!(bed.stage.effects(succeeds), [JobState::Succeeded]);
    assert_eq!(bed.stage.effects(fails), [JobState::Failed], "retries have none");
    assert_eq!(bed.stage.effects(cancelled), [JobState::Cancelled]);
}

pub(super) async fn an_effect_that_fails_is_tried_again_with_the_end(bed: Bed) {
    bed.stage.fail_effects(2);
    let _worker = bed.worker(1);

    let id = bed.queue.enqueue(with_effect("stubborn")).await.expect("enqueued").id;
    let job = bed.reaches(id, JobState::Succeeded).await;

    assert_eq!(bed.stage.effects(id), [JobState::Succeeded]);
    assert_eq!((job.attempt, bed.stage.starts(id)), (1, 1), "the work itself is not done again");
}

pub(super) async fn ends_with_effects_are_written_together(bed: Bed) {
    let worker = WorkerId::new();
    let subjects: Vec<Uuid> = (0..4).map(|_| Uuid::now_v7()).collect();
    let mut ids = Vec::new();
    for subject in subjects.iter().rev() {
        let job = with_effect("together").about(*subject);
        ids.push(bed.queue.enqueue(job).await.expect("enqueued").id);
    }
    let claimed = testing::claim(&bed.queue, worker, QueueName::Stats, &[WithEffect::KIND], 4).await;
    let claimed = claimed.expect("claimed");
    bed.queue.cancel(ids[0], None).await.expect("asked to stop");
    let ending = |id| match ids.iter().position(|known| *known == id) {
        Some(0 | 1) => Ending::Returned(Err(JobError::retry("AGAIN", "again"))),
        _succeeds => Ending::Returned(Ok(Outcome::done())),
    };

    let ends = claimed.into_iter().map(|job| (job.clone(), ending(job.id))).collect();
    let written = testing::finish(&bed.queue, ends, Backoff::Fixed(Duration::from_secs(60))).await;

    assert_eq!(written.expect("written"), [true; 4]);
    assert_eq!(bed.stage.effect_batches(), [[ids[3], ids[2], ids[0]]], "in the order of their subjects");
    assert_eq!(bed.stage.effects(ids[0]), [JobState::Cancelled], "it was asked to stop and ends");
    assert_eq!(bed.stage.effects(ids[1]), [], "it is tried again");
    assert_eq!(bed.job(ids[1]).await.state, JobState::Retrying);
}

pub(super) async fn an_effect_that_fails_holds_up_no_other_end(bed: Bed) {
    let gate = Arc::new(Barrier::new(6));
    let opened = gate.clone();
    bed.stage.on("gated", move |_| {
        let gate = opened.clone();
        async move {
            gate.wait().await;
            Ok(Outcome::done())
        }
    });
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(bed.queue.enqueue(with_effect("gated")).await.expect("enqueued").id);
    }
    bed.stage.fail_effects_of(Some(ids[2]));
    let _worker = bed.worker(6);

    for id in ids.iter().filter(|id| **id != ids[2]) {
        bed.reaches(*id, JobState::Succeeded).await;
        assert_eq!(bed.stage.effects(*id), [JobState::Succeeded]);
    }
    assert_eq!(bed.job(ids[2]).await.state, JobState::Running);

    bed.stage.fail_effects_of(None);
    bed.reaches(ids[2], JobState::Succeeded).await;
    assert_eq!((bed.stage.effects(ids[2]), bed.stage.starts(ids[2])), (vec![JobState::Succeeded], 1));
}

pub(super) async fn rows_are_deleted_batch_after_batch(bed: Bed) {
    let tx = bed.queue.begin().await.expect("a transaction");
    let jobs = (0..25).map(|number| scripted(&format!("job-{number}"))).collect();
    let mut kept = tx.enqueue_all(jobs).await.expect("enqueued");
    tx.commit().await.expect("committed");
    let deleted = kept.split_off(5);
    let which = Condition::all().add(jobs::Column::Id.is_in(deleted.iter().map(|enqueued| enqueued.id)));

    for expected in [20, 0] {
        let rows = delete_in_batches::<jobs::Entity>(&bed.queue, which.clone(), 10).await;
        assert_eq!(rows.expect("deleted"), expected);
    }
    for enqueued in kept {
        bed.job(enqueued.id).await;
    }
}

pub(super) async fn retention_deletes_what_ended_long_ago(bed: Bed) {
    bed.stage.on("fails", async |_| Err(JobError::fail("BROKEN", "broken")));
    let worker = bed.worker(2);
    let done = bed.queue.enqueue(scripted("done")).await.expect("enqueued").id;
    let failed = bed.queue.enqueue(scripted("fails")).await.expect("enqueued").id;
    bed.reaches(done, JobState::Succeeded).await;
    bed.reaches(failed, JobState::Failed).await;
    worker.stop().await;
    let waiting = bed.queue.enqueue(scripted("waiting")).await.expect("enqueued").id;
    for id in [done, failed, waiting] {
        let mut row: jobs::ActiveModel = bed.job(id).await.into_active_model();
        let long_ago = bed.queue.now() - Duration::from_secs(100);
        row.created_at = Set(long_ago);
        row.finished_at = Set((id != waiting).then_some(long_ago));
        row.update(bed.queue.db()).await.expect("aged");
    }

    let rules = RetentionRules {
        succeeded: Duration::from_secs(50),
        failed: Duration::from_secs(200),
        cancelled: Duration::from_secs(50),
        batch: 1,
    };
    let swept = retention::sweep(&bed.queue, &rules).await.expect("swept");

    assert_eq!(swept, 1);
    assert!(bed.queue.find_job(done, None).await.expect("a database").is_none());
    bed.job(failed).await;
    bed.job(waiting).await;
}
