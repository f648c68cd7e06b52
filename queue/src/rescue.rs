//! The rescuer: takes back what workers held that died or stalled. Any number may
//! run.

mod stuck;

use std::time::Duration;

use atelier_entities::{JobId, JobState, Timestamp, jobs, workers};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::{
    Queue,
    enqueue::Transaction,
    error::QueueError,
    metrics,
    name::QueueName,
    outcome::{JobError, Standing, settle_lost},
    retry::Backoff,
    store::{
        self, Step,
        finish::{self, Finish, in_order_of_subjects},
        lease, spacing,
    },
};

/// Jobs of one transaction: few, since an effect may belong to each.
const BATCH: u64 = 50;

/// Heartbeats a worker may miss before its row is swept.
const FORGET_WORKER_AFTER: u32 = 12;

/// How long a debounce or throttle key is kept after it is free again.
const FORGET_KEYS_AFTER: Duration = Duration::from_secs(3_600);

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RescueReport {
    /// Jobs taken back to run again.
    pub rescued: usize,
    /// Jobs that had no attempt left.
    pub failed: usize,
}

/// One pass: every job whose lease has run out runs again at once, or has failed if
/// that was its last attempt. The attempt stays counted.
pub async fn tick(queue: &Queue) -> Result<RescueReport, QueueError> {
    let mut report = RescueReport::default();
    // Nearly always there is none, and asking takes no lock.
    if !store::bounded(lease::any_expired(queue)).await? {
        return Ok(report);
    }
    let (mut after, mut size) = (None, BATCH);
    loop {
        let some = store::bounded(rescue_some(queue, after, size)).await?;
        let Some((last, rescued)) = some else { break };
        match rescued {
            Ok(part) => {
                report.rescued += part.rescued;
                report.failed += part.failed;
            }
            // An effect that fails holds up its own job and no other: from here on
            // each goes alone.
            Err(QueueError::Effect { .. }) if size > 1 => {
                size = 1;
                continue;
            }
            Err(error @ QueueError::Effect { .. }) => {
                if store::bounded(stuck::give_time(queue, last, &error)).await? {
                    report.failed += 1;
                }
            }
            Err(error) => return Err(error),
        }
        after = Some(last);
    }
    store::bounded(lease::forget_ended(queue)).await?;
    Ok(report)
}

async fn rescue_some(
    queue: &Queue,
    after: Option<JobId>,
    size: u64,
) -> Result<Step<RescueReport>, QueueError> {
    let tx = queue.begin_brief().await?;
    let mut lost = lease::expired(&*tx, tx.now(), after, size).await?;
    let Some(last) = lost.last().map(|job| job.id) else { return Ok(None) };
    in_order_of_subjects(&mut lost);
    let rescued = rescue_all(&tx, &lost).await;
    Ok(Some((last, tx.close(rescued).await)))
}

async fn rescue_all(tx: &Transaction, lost: &[jobs::Model]) -> Result<RescueReport, QueueError> {
    let mut report = RescueReport::default();
    for job in lost {
        rescue(tx, job, &mut report).await?;
    }
    Ok(report)
}

/// The end of an attempt whose worker went away.
fn end_of_lost(job: &jobs::Model, now: Timestamp) -> Finish {
    let standing = Standing {
        created_at: job.created_at,
        attempt: u16::try_from(job.attempt).unwrap_or(u16::MAX),
        max_attempts: u16::try_from(job.max_attempts).unwrap_or(u16::MAX),
        backoff: Backoff::Fixed(Duration::ZERO),
        random: 0.5,
        now,
    };
    let mut settlement = settle_lost(&standing);
    if job.cancel_requested_at.is_some() {
        settlement.state = JobState::Cancelled;
        settlement.error = Some(JobError::fail("CANCELLED", "cancelled while it ran").to_json());
        settlement.run_at = None;
    }
    Finish {
        id: job.id,
        fence: job.fence,
        place: job.place.clone(),
        attempt: job.attempt,
        worker: job.worker_id,
        started_at: job.started_at,
        rank: job.rank,
        settlement,
    }
}

async fn rescue(tx: &Transaction, job: &jobs::Model, report: &mut RescueReport) -> Result<(), QueueError> {
    let finish = end_of_lost(job, tx.now());
    let state = finish.settlement.state;
    if !finish::in_transaction(tx, &finish, job).await? {
        return Ok(());
    }
    tracing::warn!(
        job.id = %job.id, job.kind = %job.kind, job.attempt = job.attempt, %state,
        "lease ran out: its worker went away"
    );
    metrics::lease_expired(&job.queue);
    tx.note_change(job.id);
    if state == JobState::Available {
        report.rescued += 1;
        if let Some(queue) = QueueName::parse(&job.queue) {
            tx.note_dispatch(queue, job.id);
        }
    } else {
        report.failed += 1;
    }
    Ok(())
}

/// Takes back ids from the transport's consumers that went away, and forgets workers
/// that have long been silent. Answers how many ids came back.
pub async fn reclaim(queue: &Queue) -> Result<usize, QueueError> {
    let silent_since = queue.now() - queue.options().heartbeat * FORGET_WORKER_AFTER;
    let silent = workers::Entity::delete_many().filter(workers::Column::HeartbeatAt.lt(silent_since));
    store::bounded(silent.exec(queue.db())).await?;
    store::bounded(spacing::forget(queue.db(), queue.now() - FORGET_KEYS_AFTER)).await?;
    let reclaimed = queue.transport().reclaim().await?;
    metrics::reclaimed(reclaimed);
    if reclaimed > 0 {
        let cause = "the consumer that had taken them went away";
        tracing::warn!(ids = reclaimed, cause, "ids were taken back");
    }
    Ok(reclaimed)
}
