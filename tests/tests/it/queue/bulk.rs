use atelier_entities::{JobId, JobState};
use atelier_queue::{
    JobError, Outcome,
    inspect::{BulkAction, JobFilter},
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
