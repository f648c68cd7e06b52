use atelier_entities::JobState;
use atelier_queue::{Queue, QueueError, QueueName};
use tokio::join;

use super::{fixture::Fixture, scripted::scripted};

async fn exists(fixture: &Fixture, id: atelier_entities::JobId) -> bool {
    fixture.queue.find_job(id, None).await.expect("a database").is_some()
}

async fn enqueue(queue: &Queue, name: &str) -> Result<atelier_entities::JobId, QueueError> {
    queue.enqueue(scripted(name)).await.map(|enqueued| enqueued.id)
}

pub(super) async fn deferred_commits_are_one_commit(fixture: Fixture) {
    let _worker = fixture.worker(4);
    let work = async { (enqueue(&fixture.queue, "one").await, enqueue(&fixture.queue, "two").await) };

    let ((one, two), done) = fixture.queue.defer(work).await;
    let (one, two) = (one.expect("enqueued"), two.expect("enqueued"));
    assert!(!exists(&fixture, one).await && !exists(&fixture, two).await);
    done.expect("a transaction").commit().await.expect("committed");

    for id in [one, two] {
        fixture.reaches(id, JobState::Succeeded).await;
    }
}

pub(super) async fn a_part_of_deferred_work_is_rolled_back_alone(fixture: Fixture) {
    let ((kept, dropped, undone, last), done) = fixture
        .queue
        .defer(async {
            let kept = enqueue(&fixture.queue, "kept").await.expect("enqueued");
            let tx = fixture.queue.begin().await.expect("a transaction");
            let dropped = tx.enqueue(scripted("dropped")).await.expect("enqueued").id;
            drop(tx);
            let tx = fixture.queue.begin().await.expect("a transaction");
            let undone = tx.enqueue(scripted("undone")).await.expect("enqueued").id;
            tx.rollback().await.expect("rolled back");
            let last = fixture.queue.cancel(kept, None).await.expect("a later part sees the earlier ones");
            (kept, dropped, undone, last)
        })
        .await;
    done.expect("a transaction").commit().await.expect("committed");

    assert!(!exists(&fixture, dropped).await && !exists(&fixture, undone).await);
    assert_eq!((last.state, fixture.job(kept).await.state), (JobState::Cancelled, JobState::Cancelled));
}

pub(super) async fn deferred_work_that_is_not_committed_leaves_nothing(fixture: Fixture) {
    let ((), nothing) = fixture.queue.defer(async {}).await;
    assert!(nothing.is_none());
    let (undone, none_left) = fixture
        .queue
        .defer(async {
            let tx = fixture.queue.begin().await.expect("a transaction");
            let undone = tx.enqueue(scripted("undone")).await.expect("enqueued").id;
            tx.rollback().await.expect("rolled back");
            undone
        })
        .await;
    assert!(none_left.is_none());
    let (dropped, done) = fixture.queue.defer(enqueue(&fixture.queue, "dropped")).await;
    drop(done);
    let (rolled_back, done) = fixture.queue.defer(enqueue(&fixture.queue, "rolled back")).await;
    done.expect("a transaction").rollback().await.expect("rolled back");

    for id in [undone, dropped.expect("enqueued"), rolled_back.expect("enqueued")] {
        assert!(!exists(&fixture, id).await);
    }
}

pub(super) async fn transactions_of_deferred_work_take_turns(fixture: Fixture) {
    let work = async { join!(enqueue(&fixture.queue, "one"), enqueue(&fixture.queue, "two")) };

    let ((one, two), done) = fixture.queue.defer(work).await;
    done.expect("a transaction").commit().await.expect("committed");

    assert!(exists(&fixture, one.expect("enqueued")).await && exists(&fixture, two.expect("enqueued")).await);
}

pub(super) async fn waiting_jobs_start_after_the_commit_of_a_deferred_resume(fixture: Fixture) {
    let _worker = fixture.worker(1);
    fixture.queue.pause(QueueName::Stats, None).await.expect("paused");
    let id = enqueue(&fixture.queue, "waits").await.expect("enqueued");

    let (resumed, done) = fixture.queue.defer(fixture.queue.resume(QueueName::Stats)).await;
    resumed.expect("resumed");
    assert_eq!(fixture.job(id).await.state, JobState::Available);
    done.expect("a transaction").commit().await.expect("committed");

    fixture.reaches(id, JobState::Succeeded).await;
}
