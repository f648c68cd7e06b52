//! Keeps a worker's leases, learns what it lost and what is cancelled, and shows
//! that it lives.

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

use super::held::{HeldJobs, StopReason};
use crate::{Queue, error::QueueError, metrics, store::lease};

/// Longest that a cancellation by another process goes unnoticed where no news of other
/// processes arrives.
const LOOK: Duration = Duration::from_millis(300);

/// Longest a worker that ends waits for its row to be deleted.
const GOODBYE: Duration = Duration::from_secs(1);

/// Beats until `stop`; from `shutdown` on the worker is shown as draining.
pub(super) async fn run(
    queue: Queue,
    mut row: workers::Model,
    held: HeldJobs,
    shutdown: CancellationToken,
    stop: CancellationToken,
) {
    let mut stops = queue.bus().subscribe_stops();
    let mut beats = time::interval(queue.options().heartbeat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let hears_others = queue.transport().is_remote();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = beats.tick() => {
                row.draining = shutdown.is_cancelled();
                row.running = i32::try_from(held.count()).unwrap_or(i32::MAX);
                beat_in_time(&queue, &row, &held).await;
            }
            _ = looks.tick(), if !hears_others => look_for_stops(&queue, &held).await,
            stopped = stops.recv() => match stopped {
                Ok(id) => held.cancel(id),
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "cancellations came too fast; those missed are found at the next heartbeat");
                }
                Err(RecvError::Closed) => stops = queue.bus().subscribe_stops(),
            },
        }
    }
    let deleted = time::timeout(GOODBYE, workers::Entity::delete_by_id(row.id).exec(queue.db())).await;
    if !matches!(deleted, Ok(Ok(_))) {
        tracing::debug!(?deleted, "worker's row not deleted; it will be swept");
    }
}

/// Stops what another process has cancelled. It asks only while something is held, and
/// what fails is found by the next look or heartbeat.
async fn look_for_stops(queue: &Queue, held: &HeldJobs) {
    let holding: Vec<JobId> = held.all().into_iter().map(|(id, _)| id).collect();
    let asked = time::timeout(queue.options().heartbeat, lease::asked_to_stop(queue, &holding)).await;
    for (id, fence) in asked.ok().and_then(Result::ok).unwrap_or_default() {
        held.stop_claim(id, fence, StopReason::Cancelled);
    }
}

/// One heartbeat, bounded: a database that hangs must not hang the heart.
pub(super) async fn beat_in_time(queue: &Queue, row: &workers::Model, held: &HeldJobs) {
    let bound: Duration = queue.options().heartbeat;
    match time::timeout(bound, beat(queue, row, held)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            queue.heed(&error);
            tracing::warn!(%error, "heartbeat failed");
        }
        Err(_late) => tracing::warn!(bound_secs = bound.as_secs_f64(), "heartbeat took too long"),
    }
}

async fn beat(queue: &Queue, row: &workers::Model, held: &HeldJobs) -> Result<(), QueueError> {
    // What is claimed while the statement runs is not judged by its answer.
    let before = held.all();
    queue.clock().follow(queue.db()).await?;
    let leases = held.leases();
    let still: HashMap<(JobId, i64), bool> = lease::extend(queue, row.id, &leases)
        .await?
        .into_iter()
        .map(|job| ((job.id, job.fence), job.cancel_requested))
        .collect();
    for (id, fence) in before {
        match still.get(&(id, fence)) {
            None => held.stop_claim(id, fence, StopReason::LeaseLost),
            Some(true) => held.stop_claim(id, fence, StopReason::Cancelled),
            Some(false) => {}
        }
    }
    let holding: HashSet<_> = held.all().into_iter().collect();
    let unheld: Vec<_> = still.into_keys().filter(|job| !holding.contains(job)).collect();
    lease::let_go(queue, &unheld).await?;
    release(queue, held).await?;
    hand_back_unheld(queue, row.id, held).await?;
    lease::beat(queue, row).await?;
    Ok(())
}

/// Deletes the leases under which nothing runs any more, where no claim has.
async fn release(queue: &Queue, held: &HeldJobs) -> Result<(), QueueError> {
    let over = held.take_over();
    let _turn = queue.write_turn().await;
    let released = lease::release(queue.db(), &over).await;
    if released.is_err() {
        held.not_deleted(over);
    }
    Ok(released?)
}

/// A claim whose answer did not come within a heartbeat was lost on its way: what it
/// took goes to whoever asks next, before its lease runs out.
async fn hand_back_unheld(queue: &Queue, worker: WorkerId, held: &HeldJobs) -> Result<(), QueueError> {
    let age = queue.options().heartbeat;
    let handed_back = lease::hand_back_unheld(queue, worker, &held.leases(), age).await?;
    if handed_back.is_empty() {
        return Ok(());
    }
    metrics::handed_back(handed_back.len());
    tracing::warn!(jobs = handed_back.len(), "answer to a claim was lost; what it took is handed back");
    let changed = handed_back.iter().map(|(_, id)| *id).collect();
    queue.announce(handed_back, changed).await;
    Ok(())
}
