use std::time::Duration;

use atelier_entities::{JobId, JobState};
use atelier_queue::{
    JobError, Outcome,
    inspect::{BulkAction, COUNT_LIMIT, JobFilter, Page},
};

use uuid::Uuid;

use super::{
    fixture::Fixture,
    scripted::{scripted, with_effect},
};

/// Performs all steps and returns the number of changed jobs.
async fn all_steps(fixture: &Fixture, filter: &JobFilter, action: BulkAction) -> u64 {
    let (mut done, mut after): (u64, Option<JobId>) = (0, None);
    loop {
        let step = fixture.queue.bulk_step(filter, action, after, 3).await.expect("a step");
        done += step.done;
        after = step.last;
        if after.is_none() {
            return done;
        }
    }
}

pub(super) async fn failed_jobs_are_run_again_by_filter(fixture: Fixture) {
    fixture.handlers.on("broken", async |_| Err(JobError::fail("BROKEN", "broken")));
    fixture.handlers.on("other", async |_| Err(JobError::fail("OTHER", "other")));
    let _worker = fixture.worker(4);
    let mut broken = Vec::new();
    for _ in 0..7 {
        broken.push(fixture.queue.enqueue(scripted("broken")).await.expect("enqueued").id);
    }
    let other = fixture.queue.enqueue(scripted("other")).await.expect("enqueued").id;
    for id in broken.iter().chain([&other]) {
        fixture.reaches(*id, JobState::Failed).await;
    }
    fixture.handlers.on("broken", async |_| Ok(Outcome::done()));
    let filter = JobFilter { error_code: Some("BROKEN".to_owned()), ..JobFilter::default() };

    let counted = fixture.queue.count_bulk(&filter, BulkAction::Replay).await.expect("a count");
    let done = all_steps(&fixture, &filter, BulkAction::Replay).await;
    for id in &broken {
        fixture.reaches(*id, JobState::Succeeded).await;
    }

    assert_eq!((counted, done), (7, 7));
    assert_eq!(fixture.job(other).await.state, JobState::Failed);
}

pub(super) async fn jobs_of_all_phases_are_selected_oldest_first(fixture: Fixture) {
    let (now, later) = (fixture.queue.now(), fixture.queue.now() + Duration::from_secs(3_600));
    let mut ids = Vec::new();
    for at in [now, later, now, later] {
        ids.push(fixture.queue.enqueue(scripted("waiting").at(at)).await.expect("enqueued").id);
    }
    let ended = fixture.queue.enqueue(scripted("waiting")).await.expect("enqueued").id;
    fixture.queue.cancel(ended, None).await.expect("cancelled");
    let select = async |action, after, limit| {
        fixture.queue.select_bulk(&JobFilter::default(), action, after, limit).await.expect("selected")
    };

    assert_eq!(select(BulkAction::Cancel, None, 3).await, ids[..3]);
    assert_eq!(select(BulkAction::Cancel, Some(ids[2]), 3).await, ids[3..]);
    assert_eq!(select(BulkAction::Discard, Some(ids[2]), 3).await, [ids[3], ended]);
    assert_eq!(select(BulkAction::Replay, None, 3).await, [ended]);
    let of_state = JobFilter { state: Some(JobState::Cancelled), ..JobFilter::default() };
    assert_eq!(fixture.queue.count_bulk(&of_state, BulkAction::Cancel).await.expect("counted"), 0);
    assert_eq!(fixture.queue.count_bulk(&of_state, BulkAction::Replay).await.expect("counted"), 1);
}

pub(super) async fn a_list_is_counted_up_to_the_limit(fixture: Fixture) {
    let tx = fixture.queue.begin().await.expect("a transaction");
    let later = fixture.queue.now() + Duration::from_secs(3_600);
    let jobs = (0..=COUNT_LIMIT).map(|_| scripted("waiting").at(later)).collect();
    tx.enqueue_all(jobs).await.expect("enqueued");
    tx.commit().await.expect("committed");
    let list = async |filter: JobFilter, number| {
        let (jobs, total) =
            fixture.queue.list_jobs(&filter, Page { number, size: 100 }).await.expect("a list");
        (jobs.len(), total)
    };

    assert_eq!(list(JobFilter::default(), 1).await, (100, COUNT_LIMIT));
    assert_eq!(list(JobFilter::default(), 101).await, (1, COUNT_LIMIT), "rows beyond the limit can be read");
    let failed = JobFilter { state: Some(JobState::Failed), ..JobFilter::default() };
    assert_eq!(list(failed, 1).await, (0, 0));
}

pub(super) async fn waiting_jobs_are_cancelled_and_discarded_by_filter(fixture: Fixture) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(fixture.queue.enqueue(scripted("waiting")).await.expect("enqueued").id);
    }
    let middle =
        JobFilter { created_before: Some(fixture.job(ids[3]).await.created_at), ..JobFilter::default() };

    let cancelled = all_steps(&fixture, &middle, BulkAction::Cancel).await;
    let discarded = all_steps(&fixture, &JobFilter::default(), BulkAction::Discard).await;

    assert!(cancelled <= 3, "{cancelled} were older");
    assert_eq!(discarded, 5, "cancelled jobs can be discarded too");
    assert_eq!(fixture.job(ids[4]).await.state, JobState::Discarded);
}

/// Enqueues jobs with an effect about subjects of descending order.
async fn enqueue_with_effects(fixture: &Fixture, count: usize) -> Vec<JobId> {
    let subjects: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
    let tx = fixture.queue.begin().await.expect("a transaction");
    let jobs = subjects.iter().rev().map(|subject| with_effect("waiting").about(*subject)).collect();
    let ids = tx.enqueue_all(jobs).await.expect("enqueued").iter().map(|job| job.id).collect();
    tx.commit().await.expect("committed");
    ids
}

pub(super) async fn many_jobs_are_cancelled_together_with_their_effects(fixture: Fixture) {
    fixture.handlers.on("endless", async |_| std::future::pending().await);
    let _worker = fixture.worker(1);
    let running = fixture.queue.enqueue(scripted("endless")).await.expect("enqueued").id;
    fixture.reaches(running, JobState::Running).await;
    let ended = fixture.queue.enqueue(scripted("ended")).await.expect("enqueued").id;
    fixture.queue.cancel(ended, None).await.expect("cancelled");
    let waiting = enqueue_with_effects(&fixture, 3).await;
    let plain = fixture.queue.enqueue(scripted("plain")).await.expect("enqueued").id;
    let mut ids = vec![plain, JobId::new(), ended, running, plain];
    ids.extend(&waiting);

    let tx = fixture.queue.begin().await.expect("a transaction");
    let cancelled = tx.cancel_many(&ids).await.expect("cancelled");
    tx.commit().await.expect("committed");

    let mut expected = waiting.clone();
    expected.push(plain);
    assert_eq!((cancelled.ended, cancelled.stopping), (expected, vec![running]));
    assert_eq!(cancelled.locked, []);
    assert_eq!(
        fixture.handlers.effect_batches(),
        [[waiting[2], waiting[1], waiting[0]]],
        "in the order of their subjects"
    );
    for id in waiting {
        let job = fixture.job(id).await;
        assert_eq!(
            (job.state, job.error.expect("a reason")["code"].as_str()),
            (JobState::Cancelled, Some("CANCELLED"))
        );
    }
    fixture.reaches(running, JobState::Cancelled).await;
}

pub(super) async fn a_failed_effect_ends_each_job_of_a_bulk_action_alone(fixture: Fixture) {
    let ids = enqueue_with_effects(&fixture, 3).await;
    fixture.handlers.fail_effects(1);

    let step = fixture.queue.bulk(BulkAction::Cancel, &ids).await.expect("a step");

    assert_eq!((step.done, step.skipped, step.last), (3, 0, ids.last().copied()));
    for id in &ids {
        assert_eq!(fixture.job(*id).await.state, JobState::Cancelled);
        assert_eq!(fixture.handlers.effects(*id), [JobState::Cancelled]);
    }
    let again = fixture.queue.bulk(BulkAction::Discard, &ids).await.expect("a step");
    assert_eq!((again.done, fixture.handlers.effects(ids[0]).len()), (3, 1), "they had ended before");
}
