//! The heartbeat of a worker: extends its leases, stops jobs that were lost or cancelled, and
//! shows that it is alive.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use atelier_entities::{JobId, WorkerId, workers};
use sea_orm::EntityTrait;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{self, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::leased::{LeasedJobs, StopReason};
use crate::{Queue, error::QueueError, lease, metrics};

/// How often cancellations are read from SQL where the bus does not reach other processes.
const CANCEL_POLL_INTERVAL: Duration = Duration::from_millis(300);

/// Longest wait for the deletion of the worker's row.
const DELETE_BOUND: Duration = Duration::from_secs(1);

/// Beats until `stop`. From `shutdown` on the worker is shown as draining.
pub(super) async fn run(
    queue: Queue,
    mut row: workers::Model,
    leased: LeasedJobs,
    shutdown: CancellationToken,
    stop: CancellationToken,
) {
    let mut stops = queue.bus().subscribe_stops();
    let mut beats = time::interval(queue.options().heartbeat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut polls = time::interval(CANCEL_POLL_INTERVAL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let hears_other_processes = queue.transport().is_remote();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = beats.tick() => {
                row.draining = shutdown.is_cancelled();
                row.running = i32::try_from(leased.count()).unwrap_or(i32::MAX);
                beat_in_time(&queue, &row, &leased).await;
            }
            _ = polls.tick(), if !hears_other_processes => poll_cancellations(&queue, &leased).await,
            stopped = stops.recv() => match stopped {
                Ok(id) => leased.cancel(id),
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "cancellations missed; the next heartbeat finds them");
                }
                Err(RecvError::Closed) => stops = queue.bus().subscribe_stops(),
            },
        }
    }
    let deleted = time::timeout(DELETE_BOUND, workers::Entity::delete_by_id(row.id).exec(queue.db())).await;
    if !matches!(deleted, Ok(Ok(_))) {
        tracing::debug!(?deleted, "worker's row not deleted; the scheduler deletes it");
    }
}

/// Stops jobs that another process has cancelled. Without leased jobs it asks nothing, and
/// after an error the next poll or heartbeat finds them.
async fn poll_cancellations(queue: &Queue, leased: &LeasedJobs) {
    let ids: Vec<JobId> = leased.all().into_iter().map(|(id, _)| id).collect();
    let stopped = time::timeout(queue.options().heartbeat, lease::list_stopped(queue, &ids)).await;
    for (id, fence) in stopped.ok().and_then(Result::ok).unwrap_or_default() {
        leased.stop_attempt(id, fence, StopReason::Cancelled);
    }
}

/// One heartbeat with a bound, so that a database that hangs does not stop later ones.
pub(super) async fn beat_in_time(queue: &Queue, row: &workers::Model, leased: &LeasedJobs) {
    let bound: Duration = queue.options().heartbeat;
    match time::timeout(bound, beat(queue, row, leased)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            queue.note_error(&error);
            tracing::warn!(%error, "heartbeat failed");
        }
        Err(_late) => tracing::warn!(bound_secs = bound.as_secs_f64(), "heartbeat took too long"),
    }
}

async fn beat(queue: &Queue, row: &workers::Model, leased: &LeasedJobs) -> Result<(), QueueError> {
    // Jobs that are claimed while the statement runs are not in its answer.
    let before = leased.all();
    queue.clock().follow(queue.db()).await?;
    let leases = leased.leases();
    let extended: HashMap<(JobId, i64), bool> = lease::extend(queue, row.id, &leases)
        .await?
        .into_iter()
        .map(|job| ((job.id, job.fence), job.cancel_requested))
        .collect();
    for (id, fence) in before {
        match extended.get(&(id, fence)) {
            None => leased.stop_attempt(id, fence, StopReason::LeaseLost),
            Some(true) => leased.stop_attempt(id, fence, StopReason::Cancelled),
            Some(false) => {}
        }
    }
    let here: HashSet<_> = leased.all().into_iter().collect();
    let abandoned: Vec<_> = extended.into_keys().filter(|job| !here.contains(job)).collect();
    lease::abandon(queue, &abandoned).await?;
    release(queue, leased).await?;
    hand_back_unknown(queue, row.id, leased).await?;
    lease::beat(queue, row).await?;
    Ok(())
}

/// Deletes leases under which nothing runs, unless a claim has deleted them.
async fn release(queue: &Queue, leased: &LeasedJobs) -> Result<(), QueueError> {
    let ended = leased.take_ended();
    let _turn = queue.write_turn().await;
    let released = lease::release(queue.db(), &ended).await;
    if released.is_err() {
        leased.restore_ended(ended);
    }
    Ok(released?)
}

/// Hands back the jobs of claims whose answer has not arrived within a heartbeat, so that
/// other workers get them before the lease expires.
async fn hand_back_unknown(queue: &Queue, worker: WorkerId, leased: &LeasedJobs) -> Result<(), QueueError> {
    let age = queue.options().heartbeat;
    let handed_back = lease::hand_back_unknown(queue, worker, &leased.leases(), age).await?;
    if handed_back.is_empty() {
        return Ok(());
    }
    metrics::handed_back(handed_back.len());
    tracing::warn!(jobs = handed_back.len(), "the answer to a claim was lost; its jobs are handed back");
    let changed = handed_back.iter().map(|(_, id)| *id).collect();
    queue.announce(handed_back, changed).await;
    Ok(())
}
