use std::time::Duration;

use atelier_entities::{JobId, JobState};
use atelier_queue::{
    JobError, Outcome,
    inspect::{BulkAction, COUNT_LIMIT, JobFilter, Page},
};

use super::{bed::Bed, stage::scripted};

/// Takes every step and answers how many jobs it was done to.
async fn all_steps(bed: &Bed, filter: &JobFilter, action: BulkAction) -> u64 {
    let (mut done, mut after): (u64, Option<JobId>) = (0, None);
    loop {
        let step = bed.queue.bulk_step(filter, action, after, 3).await.expect("a step");
        done += step.done;
        after = step.last;
        if after.is_none() {
            return done;
        }
    }
}

pub(super) async fn failed_jobs_are_run_again_by_filter(bed: Bed) {
    bed.stage.on("broken", async |_| Err(JobError::fail("BROKEN", "broken")));
    bed.stage.on("other", async |_| Err(JobError::fail("OTHER", "other")));
    let _worker = bed.worker(4);
    let mut broken = Vec::new();
    for _ in 0..7 {
        broken.push(bed.queue.enqueue(scripted("broken")).await.expect("enqueued").id);
    }
    let other = bed.queue.enqueue(scripted("other")).await.expect("enqueued").id;
    for id in broken.iter().chain([&other]) {
        bed.reaches(*id, JobState::Failed).await;
    }
    bed.stage.on("broken", async |_| Ok(Outcome::done()));
    let filter = JobFilter { error_code: Some("BROKEN".to_owned()), ..JobFilter::default() };

    let counted = bed.queue.count_bulk(&filter, BulkAction::Replay).await.expect("a count");
    let done = all_steps(&bed, &filter, BulkAction::Replay).await;
    for id in &broken {
        bed.reaches(*id, JobState::Succeeded).await;
    }

    assert_eq!((counted, done), (7, 7));
    assert_eq!(bed.job(other).await.state, JobState::Failed);
}

pub(super) async fn jobs_of_all_phases_are_selected_oldest_first(bed: Bed) {
    let (now, later) = (bed.queue.now(), bed.queue.now() + Duration::from_secs(3_600));
    let mut ids = Vec::new();
    for at in [now, later, now, later] {
        ids.push(bed.queue.enqueue(scripted("waiting").at(at)).await.expect("enqueued").id);
    }
    let ended = bed.queue.enqueue(scripted("waiting")).await.expect("enqueued").id;
    bed.queue.cancel(ended, None).await.expect("cancelled");
    let select = async |action, after, limit| {
        bed.queue.select_bulk(&JobFilter::default(), action, after, limit).await.expect("selected")
    };

    assert_eq!(select(BulkAction::Cancel, None, 3).await, ids[..3]);
    assert_eq!(select(BulkAction::Cancel, Some(ids[2]), 3).await, ids[3..]);
    assert_eq!(select(BulkAction::Discard, Some(ids[2]), 3).await, [ids[3], ended]);
    assert_eq!(select(BulkAction::Replay, None, 3).await, [ended]);
    let of_state = JobFilter { state: Some(JobState::Cancelled), ..JobFilter::default() };
    assert_eq!(bed.queue.count_bulk(&of_state, BulkAction::Cancel).await.expect("counted"), 0);
    assert_eq!(bed.queue.count_bulk(&of_state, BulkAction::Replay).await.expect("counted"), 1);
}

pub(super) async fn a_list_is_counted_up_to_its_bound(bed: Bed) {
    let tx = bed.queue.begin().await.expect("a transaction");
    let later = bed.queue.now() + Duration::from_secs(3_600);
    let jobs = (0..=COUNT_LIMIT).map(|_| scripted("waiting").at(later)).collect();
    tx.enqueue_all(jobs).await.expect("enqueued");
    tx.commit().await.expect("committed");
    let list = async |filter: JobFilter, number| {
        let (jobs, total) = bed.queue.list_jobs(&filter, Page { number, size: 100 }).await.expect("a list");
        (jobs.len(), total)
    };

    assert_eq!(list(JobFilter::default(), 1).await, (100, COUNT_LIMIT));
    assert_eq!(list(JobFilter::default(), 101).await, (1, COUNT_LIMIT), "what is beyond can be read");
    let failed = JobFilter { state: Some(JobState::Failed), ..JobFilter::default() };
    assert_eq!(list(failed, 1).await, (0, 0));
}

pub(super) async fn waiting_jobs_are_cancelled_and_discarded_by_filter(bed: Bed) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bed.queue.enqueue(scripted("waiting")).await.expect("enqueued").id);
    }
    let middle = JobFilter { created_before: Some(bed.job(ids[3]).await.created_at), ..JobFilter::default() };

    let cancelled = all_steps(&bed, &middle, BulkAction::Cancel).await;
    let discarded = all_steps(&bed, &JobFilter::default(), BulkAction::Discard).await;

    assert!(cancelled <= 3, "{cancelled} were older");
    assert_eq!(discarded, 5, "what was cancelled can be discarded too");
    assert_eq!(bed.job(ids[4]).await.state, JobState::Discarded);
}
