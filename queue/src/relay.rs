//! The relay: makes due work available and keeps the transport's window filled from
//! SQL. It finds everything the fast path did not carry: the backlog, delayed jobs,
//! retries, what a crash between commit and push left behind, and everything after
//! the transport came back empty. Any number of relays may run.

use atelier_entities::{JobState, jobs};

use crate::{
    Queue,
    enqueue::Transaction,
    error::QueueError,
    metrics,
    name::QueueName,
    outcome::JobError,
    store::{finish, window},
};

/// Rows of one statement.
const BATCH: u64 = 500;

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayReport {
    /// Delayed jobs and retries whose time had come.
    pub promoted: usize,
    /// Jobs cancelled because they were not started in time.
    pub expired: usize,
    /// Ids the transport did not have.
    pub pushed: usize,
}

/// One pass over every queue. What fails keeps nothing else from being done, and a
/// transport that is away is no failure.
pub async fn tick(queue: &Queue) -> Result<RelayReport, QueueError> {
    let promoted = promote(queue).await;
    let expired = expire(queue).await;
    let pushed = match fill(queue, &QueueName::ALL).await {
        Err(QueueError::Transport(error)) => {
            // No failure of the relay: what is due has become available, and goes out
            // at the first pass that finds the transport.
            tracing::debug!(%error, "the transport's windows are not filled now");
            Ok(0)
        }
        pushed => pushed,
    };
    Ok(RelayReport { promoted: promoted?, expired: expired?, pushed: pushed? })
}

/// Fills the transport's window of these queues and answers how many ids it did not
/// have.
pub async fn fill(queue: &Queue, names: &[QueueName]) -> Result<usize, QueueError> {
    let next = window::next(queue, names, queue.options().window).await?;
    let mut pushed = 0;
    for (name, ids) in next {
        let taken = queue.transport().push(name, &ids, queue.options().window).await?;
        metrics::relayed(name, taken);
        pushed += taken;
    }
    Ok(pushed)
}

async fn promote(queue: &Queue) -> Result<usize, QueueError> {
    let mut promoted = 0;
    loop {
        let tx = queue.begin().await?;
        let due = window::promote(&*tx, tx.now(), BATCH, queue.options().fair_turn).await?;
        let found = due.jobs.len();
        for (name, id) in due.jobs {
            tx.note_dispatch(name, id);
            tx.note_change(id);
        }
        tx.commit().await?;
        metrics::relay_lag(due.latest);
        promoted += found;
        if found < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            return Ok(promoted);
        }
    }
}

async fn expire(queue: &Queue) -> Result<usize, QueueError> {
    let mut ended = 0;
    let (mut after, mut size) = (None, BATCH);
    loop {
        let tx = queue.begin().await?;
        let expired = window::expired(&*tx, tx.now(), after, size).await?;
        let Some(last) = expired.last().map(|job| job.id) else { return Ok(ended) };
        let cancelled = cancel_all(&tx, &expired).await;
        match tx.close(cancelled).await {
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

async fn cancel_all(tx: &Transaction, expired: &[jobs::Model]) -> Result<usize, QueueError> {
    let error = JobError::fail("EXPIRED", "it was not started in time");
    let mut ended = 0;
    for job in expired {
        ended += usize::from(finish::unstarted(tx, job, JobState::Cancelled, &error).await?);
    }
    Ok(ended)
}
