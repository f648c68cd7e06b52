//! The relay: makes due jobs available and keeps the transport's windows filled from SQL.
//! It covers whatever the push after a commit did not: the backlog, delayed jobs, retries,
//! jobs of a process that crashed before its push, and everything after the transport
//! came back empty. Any number of relays may run.

use std::time::Duration;

use atelier_entities::{JobId, JobState};

use crate::{
    Fault, Queue,
    error::QueueError,
    finish, metrics,
    name::QueueName,
    outcome::JobError,
    store::{self, Step, window},
};
use redispatch::Pushed;

mod redispatch;

/// Rows of one statement.
const BATCH: u64 = 500;

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayReport {
    /// Delayed jobs and retries that were due.
    pub promoted: usize,
    /// Jobs cancelled because they had not started in time.
    pub expired: usize,
    /// Ids that the transport did not have.
    pub pushed: usize,
    /// Those of them that it had been given before.
    pub redispatched: usize,
    /// Why the transport did not take the due ids. They wait for a later pass; the relay
    /// itself has not failed.
    pub transport_fault: Option<Fault>,
}

/// One pass over every queue. Each part runs even if another one fails. A transport that
/// is away is no error: see [`RelayReport::transport_fault`].
pub async fn tick(queue: &Queue) -> Result<RelayReport, QueueError> {
    let promoted = promote(queue).await;
    let expired = expire(queue).await;
    let pushed = fill_windows(queue).await;
    let (promoted, expired, pushed) = (promoted?, expired?, pushed?);
    let Pushed { ids, redispatched, fault } = pushed;
    Ok(RelayReport { promoted, expired, pushed: ids, redispatched, transport_fault: fault })
}

async fn fill_windows(queue: &Queue) -> Result<Pushed, QueueError> {
    let next = window::next(queue.db(), &QueueName::ALL, queue.options().window);
    redispatch::push_all(queue, store::bounded(next).await?).await
}

/// How long the earliest delayed job or retry has been due that no relay has made
/// available yet; zero where there is none.
pub async fn overdue(queue: &Queue) -> Result<Duration, QueueError> {
    let now = queue.now();
    let since = store::bounded(window::earliest_overdue(queue.db(), now)).await?;
    Ok(since.and_then(|since| (now - since).to_std().ok()).unwrap_or_default())
}

async fn promote(queue: &Queue) -> Result<usize, QueueError> {
    let mut promoted = 0;
    loop {
        let found = store::bounded(promote_batch(queue)).await?;
        promoted += found;
        if found < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            return Ok(promoted);
        }
    }
}

async fn promote_batch(queue: &Queue) -> Result<usize, QueueError> {
    let tx = queue.begin_brief().await?;
    let due = window::promote(&*tx, tx.now(), BATCH).await?;
    let found = due.jobs.len();
    for (name, id) in due.jobs {
        tx.note_dispatch(name, id);
        tx.note_change(id);
    }
    tx.commit().await?;
    metrics::relay_lag(due.lag);
    Ok(found)
}

async fn expire(queue: &Queue) -> Result<usize, QueueError> {
    let mut ended = 0;
    let (mut after, mut size) = (None, BATCH);
    loop {
        let step = store::bounded(expire_batch(queue, after, size)).await?;
        let Some((last, cancelled)) = step else { return Ok(ended) };
        match cancelled {
            Ok(part) => ended += part,
            // An effect that fails must not block other jobs: from here on each job ends
            // in a transaction of its own.
            Err(QueueError::Effect { .. }) if size > 1 => {
                size = 1;
                continue;
            }
            Err(error @ QueueError::Effect { .. }) => {
                tracing::error!(job.id = %last, %error, "expired job not cancelled; the next pass tries again");
            }
            Err(error) => return Err(error),
        }
        after = Some(last);
    }
}

async fn expire_batch(queue: &Queue, after: Option<JobId>, size: u64) -> Result<Step<usize>, QueueError> {
    let tx = queue.begin_brief().await?;
    let expired = window::expired(&*tx, tx.now(), after, size).await?;
    let Some(last) = expired.last().map(|job| job.id) else { return Ok(None) };
    let error = JobError::fail("EXPIRED", "it was not started in time");
    let expired: Vec<_> = expired.iter().collect();
    let cancelled = finish::end_unstarted(&tx, &expired, JobState::Cancelled, &error).await;
    Ok(Some((last, tx.close(cancelled.map(|ended| ended.len())).await)))
}
