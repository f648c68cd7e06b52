use atelier_entities::JobState;
use atelier_queue::{Queue, QueueError, QueueName};
use tokio::join;

use super::{bed::Bed, stage::scripted};

async fn is_there(bed: &Bed, id: atelier_entities::JobId) -> bool {
    bed.queue.find_job(id, None).await.expect("a database").is_some()
}

async fn enqueue(queue: &Queue, name: &str) -> Result<atelier_entities::JobId, QueueError> {
    queue.enqueue(scripted(name)).await.map(|enqueued| enqueued.id)
}

pub(super) async fn deferred_commits_are_one(bed: Bed) {
    let _worker = bed.worker(4);
    let work = async { (enqueue(&bed.queue, "one").await, enqueue(&bed.queue, "two").await) };

    let ((one, two), done) = bed.queue.defer(work).await;
    let (one, two) = (one.expect("enqueued"), two.expect("enqueued"));
    assert!(!is_there(&bed, one).await && !is_there(&bed, two).await);
    done.expect("a transaction").commit().await.expect("committed");

    for id in [one, two] {
        bed.reaches(id, JobState::Succeeded).await;
    }
}

pub(super) async fn a_part_of_deferred_work_is_undone_alone(bed: Bed) {
    let ((kept, dropped, undone, last), done) = bed
        .queue
        .defer(async {
            let kept = enqueue(&bed.queue, "kept").await.expect("enqueued");
            let tx = bed.queue.begin().await.expect("a transaction");
            let dropped = tx.enqueue(scripted("dropped")).await.expect("enqueued").id;
            drop(tx);
            let tx = bed.queue.begin().await.expect("a transaction");
            let undone = tx.enqueue(scripted("undone")).await.expect("enqueued").id;
            tx.rollback().await.expect("rolled back");
            let last = bed.queue.cancel(kept, None).await.expect("a later part sees the earlier ones");
            (kept, dropped, undone, last)
        })
        .await;
    done.expect("a transaction").commit().await.expect("committed");

    assert!(!is_there(&bed, dropped).await && !is_there(&bed, undone).await);
    assert_eq!((last.state, bed.job(kept).await.state), (JobState::Cancelled, JobState::Cancelled));
}

pub(super) async fn deferred_work_that_is_not_committed_leaves_nothing(bed: Bed) {
    let ((), nothing) = bed.queue.defer(async {}).await;
    assert!(nothing.is_none());
    let (undone, none_left) = bed
        .queue
        .defer(async {
            let tx = bed.queue.begin().await.expect("a transaction");
            let undone = tx.enqueue(scripted("undone")).await.expect("enqueued").id;
            tx.rollback().await.expect("rolled back");
            undone
        })
        .await;
    assert!(none_left.is_none());
    let (dropped, done) = bed.queue.defer(enqueue(&bed.queue, "dropped")).await;
    drop(done);
    let (rolled_back, done) = bed.queue.defer(enqueue(&bed.queue, "rolled back")).await;
    done.expect("a transaction").rollback().await.expect("rolled back");

    for id in [undone, dropped.expect("enqueued"), rolled_back.expect("enqueued")] {
        assert!(!is_there(&bed, id).await);
    }
}

pub(super) async fn transactions_of_deferred_work_take_turns(bed: Bed) {
    let work = async { join!(enqueue(&bed.queue, "one"), enqueue(&bed.queue, "two")) };

    let ((one, two), done) = bed.queue.defer(work).await;
    done.expect("a transaction").commit().await.expect("committed");

    assert!(is_there(&bed, one.expect("enqueued")).await && is_there(&bed, two.expect("enqueued")).await);
}

pub(super) async fn what_waited_starts_once_a_deferred_resume_is_committed(bed: Bed) {
    let _worker = bed.worker(1);
    bed.queue.pause(QueueName::Stats, None).await.expect("paused");
    let id = enqueue(&bed.queue, "waits").await.expect("enqueued");

    let (resumed, done) = bed.queue.defer(bed.queue.resume(QueueName::Stats)).await;
    resumed.expect("resumed");
    assert_eq!(bed.job(id).await.state, JobState::Available);
    done.expect("a transaction").commit().await.expect("committed");

    bed.reaches(id, JobState::Succeeded).await;
}
