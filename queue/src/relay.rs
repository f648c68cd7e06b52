//! The relay: makes due work available and keeps the transport's window filled from
//! SQL. It finds everything the fast path did not carry: the backlog, delayed jobs,
//! retries, what a crash between commit and push left behind, and everything after
//! the transport came back empty. Any number of relays may run.

use atelier_entities::{JobId, JobState, Timestamp, jobs};

use crate::{
    Queue,
    enqueue::Transaction,
    error::QueueError,
    metrics,
    name::QueueName,
    outcome::JobError,
    store::{self, Step, finish, window},
};

/// Rows of one statement.
const BATCH: u64 = 500;

/// Seconds within which whoever enqueues a job has pushed its id, or has failed to.
const PUSHED_WITHIN_SECS: i64 = 3;

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayReport {
    /// Delayed jobs and retries whose time had come.
    pub promoted: usize,
    /// Jobs cancelled because they were not started in time.
    pub expired: usize,
    /// Ids the transport did not have.
    pub pushed: usize,
    /// The transport was away: its windows wait for a pass that finds it.
    pub held_up: bool,
}

/// One pass over every queue. What fails keeps nothing else from being done, and a
/// transport that is away is no failure.
pub async fn tick(queue: &Queue) -> Result<RelayReport, QueueError> {
    let promoted = promote(queue).await;
    let expired = expire(queue).await;
    let (pushed, held_up) = match fill(queue, &QueueName::ALL).await {
        Err(QueueError::Transport(error)) => {
            // No failure of the relay: what is due has become available, and goes out
            // at the first pass that finds the transport.
            tracing::debug!(%error, "the transport's windows are not filled now");
            (Ok(0), true)
        }
        pushed => (pushed, false),
    };
    Ok(RelayReport { promoted: promoted?, expired: expired?, pushed: pushed?, held_up })
}

/// Fills the transport's window of these queues and answers how many ids it did not
/// have.
pub async fn fill(queue: &Queue, names: &[QueueName]) -> Result<usize, QueueError> {
    let next = store::bounded(window::next(queue, names, queue.options().window)).await?;
    let mut pushed = 0;
    for (name, ids) in next {
        let taken = queue.transport().push(name, &ids, queue.options().window).await?;
        metrics::relayed(name, taken);
        tell(queue, name, &ids, taken);
        pushed += taken;
    }
    Ok(pushed)
}

/// A transport that had none of what has long been due has forgotten it, or never
/// heard of it. Anything less is the window being filled.
fn tell(queue: &Queue, name: QueueName, ids: &[JobId], taken: usize) {
    let long_due = ids.iter().any(|id| has_waited(*id, queue.now()));
    if taken > 0 && taken == ids.len() && long_due {
        let cause = "the transport did not have them";
        tracing::info!(queue = %name, jobs = taken, cause, "due jobs were dispatched again");
    } else if taken > 0 {
        tracing::debug!(queue = %name, jobs = taken, "due jobs were added to the transport's window");
    }
}

/// Whether the job was enqueued so long ago that its push must have been tried.
fn has_waited(id: JobId, now: Timestamp) -> bool {
    let enqueued = id.0.get_timestamp().map(|at| at.to_unix().0);
    let seconds = enqueued.and_then(|seconds| i64::try_from(seconds).ok());
    seconds.is_some_and(|seconds| now.timestamp() - seconds > PUSHED_WITHIN_SECS)
}

async fn promote(queue: &Queue) -> Result<usize, QueueError> {
    let mut promoted = 0;
    loop {
        let found = store::bounded(promote_some(queue)).await?;
        promoted += found;
        if found < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            return Ok(promoted);
        }
    }
}

async fn promote_some(queue: &Queue) -> Result<usize, QueueError> {
    let tx = queue.begin_brief().await?;
    let due = window::promote(&*tx, tx.now(), BATCH).await?;
    let found = due.jobs.len();
    for (name, id) in due.jobs {
        tx.note_dispatch(name, id);
        tx.note_change(id);
    }
    tx.commit().await?;
    metrics::relay_lag(due.latest);
    Ok(found)
}

async fn expire(queue: &Queue) -> Result<usize, QueueError> {
    let mut ended = 0;
    let (mut after, mut size) = (None, BATCH);
    loop {
        let some = store::bounded(expire_some(queue, after, size)).await?;
        let Some((last, cancelled)) = some else { return Ok(ended) };
        match cancelled {
            Ok(part) => ended += part,
            // An effect that fails holds up its own job and no other: from here on
            // each goes alone.
            Err(QueueError::Effect { .. }) if size > 1 => {
                size = 1;
                continue;
            }
            Err(error @ QueueError::Effect { .. }) => {
                tracing::error!(job.id = %last, %error, "not cancelled now; tried again at the next pass");
            }
            Err(error) => return Err(error),
        }
        after = Some(last);
    }
}

async fn expire_some(queue: &Queue, after: Option<JobId>, size: u64) -> Result<Step<usize>, QueueError> {
    let tx = queue.begin_brief().await?;
    let expired = window::expired(&*tx, tx.now(), after, size).await?;
    let Some(last) = expired.last().map(|job| job.id) else { return Ok(None) };
    let cancelled = cancel_all(&tx, &expired).await;
    Ok(Some((last, tx.close(cancelled).await)))
}

async fn cancel_all(tx: &Transaction, expired: &[jobs::Model]) -> Result<usize, QueueError> {
    let error = JobError::fail("EXPIRED", "it was not started in time");
    let mut ended = 0;
    for job in expired {
        ended += usize::from(finish::unstarted(tx, job, JobState::Cancelled, &error).await?);
    }
    Ok(ended)
}
