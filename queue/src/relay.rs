//! The relay: makes due work available and keeps the transport's window filled from
//! SQL. It finds everything the fast path did not carry: the backlog, delayed jobs,
//! retries, what a crash between commit and push left behind, and everything after
//! the transport came back empty. Any number of relays may run.

use std::time::Duration;

use atelier_entities::{JobId, JobState, jobs};

use crate::{
    Fault, Queue,
    enqueue::Transaction,
    error::QueueError,
    metrics::{self, Pushed},
    name::QueueName,
    outcome::JobError,
    store::{
        self, Step,
        finish::{self, in_order_of_subjects},
        window,
    },
};

mod again;

use again::Offer;
pub(crate) use again::Offered;

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
    /// Those of them that it had been given before.
    pub redispatched: usize,
    /// Why the transport did not take what is due: its windows wait for a pass that finds
    /// it well. No failure of the relay.
    pub held_up: Option<Fault>,
}

/// One pass over every queue. What fails keeps nothing else from being done, and a
/// transport that is away is no failure.
pub async fn tick(queue: &Queue) -> Result<RelayReport, QueueError> {
    let promoted = promote(queue).await;
    let expired = expire(queue).await;
    let filled = fill_all(queue).await;
    let (promoted, expired, offer) = (promoted?, expired?, filled?);
    let Offer { pushed, redispatched, held_up } = offer;
    Ok(RelayReport { promoted, expired, pushed, redispatched, held_up })
}

/// Fills the transport's window of these queues and answers how many ids it did not
/// have.
pub async fn fill(queue: &Queue, names: &[QueueName]) -> Result<usize, QueueError> {
    let next = store::bounded(window::next(queue, names, queue.options().window)).await?;
    let mut pushed = 0;
    for (name, ids) in next {
        let taken = queue.transport().push(name, &ids, queue.options().window).await?;
        metrics::relayed(name, Pushed::Refill, taken);
        pushed += taken;
    }
    Ok(pushed)
}

/// The same for every queue, pass by pass: what the transport no longer has of what it
/// was given is told apart.
async fn fill_all(queue: &Queue) -> Result<Offer, QueueError> {
    let next = store::bounded(window::next(queue, &QueueName::ALL, queue.options().window)).await?;
    again::offer(queue, next).await
}

/// For how long the work has been due that no relay has made available yet: none where
/// all is done.
pub async fn overdue(queue: &Queue) -> Result<Duration, QueueError> {
    let now = queue.now();
    let since = store::bounded(window::earliest_undue(queue, now)).await?;
    Ok(since.and_then(|since| (now - since).to_std().ok()).unwrap_or_default())
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
    let mut expired = window::expired(&*tx, tx.now(), after, size).await?;
    let Some(last) = expired.last().map(|job| job.id) else { return Ok(None) };
    in_order_of_subjects(&mut expired);
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
