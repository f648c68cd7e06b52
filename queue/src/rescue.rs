//! The rescuer: ends the attempts of workers that died or stalled. Any number of rescuers may
//! run.

mod stuck;

use std::time::Duration;

use atelier_entities::{JobId, JobState, Timestamp, jobs, workers};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::{
    Queue, Transaction,
    enqueue::spacing,
    error::QueueError,
    finish::{self, Finish},
    lease, metrics,
    name::QueueName,
    outcome::JobError,
    settle::{AttemptFacts, settle_lost},
    store::{self, Step},
};

/// Jobs of one transaction: few, since each may have an effect.
const BATCH: u64 = 50;

/// Heartbeats that a worker may miss before its row is deleted.
const DELETE_WORKER_AFTER: u32 = 12;

/// How long a debounce or throttle key is kept after it became free.
const DELETE_KEYS_AFTER: Duration = Duration::from_secs(3_600);

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RescueReport {
    /// Jobs that run again.
    pub rescued: usize,
    /// Jobs that had no attempt left.
    pub failed: usize,
}

/// One pass: every job whose lease has expired runs again at once, or fails after its last
/// attempt. The attempt counts.
pub async fn tick(queue: &Queue) -> Result<RescueReport, QueueError> {
    let mut report = RescueReport::default();
    // Nearly always there is none, and this query takes no lock.
    if !store::bounded(lease::any_expired(queue)).await? {
        return Ok(report);
    }
    let (mut after, mut size) = (None, BATCH);
    loop {
        let step = store::bounded(rescue_batch(queue, after, size)).await?;
        let Some((last, rescued)) = step else { break };
        match rescued {
            Ok(part) => {
                report.rescued += part.rescued;
                report.failed += part.failed;
            }
            // An effect that fails must not block other jobs: from here on each job ends
            // in a transaction of its own.
            Err(QueueError::Effect { .. }) if size > 1 => {
                size = 1;
                continue;
            }
            Err(error @ QueueError::Effect { .. }) => {
                if store::bounded(stuck::postpone(queue, last, &error)).await? {
                    report.failed += 1;
                }
            }
            Err(error) => return Err(error),
        }
        after = Some(last);
    }
    store::bounded(lease::delete_ended(queue)).await?;
    Ok(report)
}

async fn rescue_batch(
    queue: &Queue,
    after: Option<JobId>,
    size: u64,
) -> Result<Step<RescueReport>, QueueError> {
    let tx = queue.begin_brief().await?;
    let lost = lease::lock_expired(&*tx, tx.now(), after, size).await?;
    let Some(last) = lost.last().map(|job| job.id) else { return Ok(None) };
    let rescued = rescue_all(&tx, &lost).await;
    Ok(Some((last, tx.close(rescued).await)))
}

async fn rescue_all(tx: &Transaction, lost: &[jobs::Model]) -> Result<RescueReport, QueueError> {
    let now = tx.now();
    let effects = tx.queue().effects();
    let end = |job| {
        let finish = lost_end(job, now);
        let affecting = effects.affecting(job, finish.settlement.state);
        (finish, affecting, job)
    };
    let ends: Vec<_> = lost.iter().map(end).collect();
    let with_effects: Vec<_> =
        ends.iter().map(|(finish, affecting, _)| (finish, affecting.as_ref())).collect();
    let written = finish::write_in(tx, &with_effects).await?;
    let mut report = RescueReport::default();
    for (finish, _, job) in ends.iter().filter(|(finish, ..)| written.contains(&finish.key())) {
        note(tx, job, finish.settlement.state, &mut report);
    }
    Ok(report)
}

/// The end of an attempt whose worker is gone.
fn lost_end(job: &jobs::Model, now: Timestamp) -> Finish {
    let mut settlement = settle_lost(&AttemptFacts::of(job, now));
    if job.cancel_requested_at.is_some() {
        settlement.state = JobState::Cancelled;
        settlement.error = Some(JobError::fail("CANCELLED", "cancelled while it ran").to_json());
        settlement.run_at = None;
    }
    Finish::of(job, settlement)
}

fn note(tx: &Transaction, job: &jobs::Model, state: JobState, report: &mut RescueReport) {
    tracing::warn!(
        job.id = %job.id, job.kind = %job.kind, job.attempt = job.attempt, %state,
        "lease expired: its worker is gone"
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
}

/// Puts back ids of transport consumers that are gone, and deletes workers without
/// heartbeats and free keys. Answers how many ids were put back.
pub async fn reclaim(queue: &Queue) -> Result<usize, QueueError> {
    let gone_since = queue.now() - queue.options().heartbeat * DELETE_WORKER_AFTER;
    let gone = workers::Entity::delete_many().filter(workers::Column::HeartbeatAt.lt(gone_since));
    store::bounded(gone.exec(queue.db())).await?;
    store::bounded(spacing::delete_free_keys(queue.db(), queue.now() - DELETE_KEYS_AFTER)).await?;
    let reclaimed = queue.transport().reclaim().await?;
    metrics::reclaimed(reclaimed);
    if reclaimed > 0 {
        let cause = "the consumer that had popped them is gone";
        tracing::warn!(ids = reclaimed, cause, "ids were put back");
    }
    Ok(reclaimed)
}
