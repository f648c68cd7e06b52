//! For tests that play the part of workers step by step, without handlers: the very
//! functions that a worker claims, keeps and ends jobs with. Nothing else needs
//! them.

use atelier_entities::{JobId, JobState, LeaseId, WorkerId, jobs, running_jobs};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};

use crate::{
    Queue,
    error::QueueError,
    name::QueueName,
    outcome::Ending,
    retry::Backoff,
    store::{
        claim::{self, Claimant},
        finish, lease, progress,
    },
    worker::finish_of,
};

/// A job that a heartbeat found still held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldJob {
    /// The job.
    pub id: JobId,
    /// The fence it is held under.
    pub fence: i64,
    /// Whether its attempt is to stop.
    pub cancel_requested: bool,
}

/// Claims the next `count` jobs of a queue that are of these kinds, in the order of
/// dispatch, as a worker does.
pub async fn claim(
    queue: &Queue,
    worker: WorkerId,
    name: QueueName,
    kinds: &[&'static str],
    count: usize,
) -> Result<Vec<jobs::Model>, QueueError> {
    let claimant = Claimant { worker, lease: LeaseId::new(), over: &[], queue: name, kinds };
    Ok(claim::claim_next(queue, &claimant, count, false).await?.jobs)
}

/// Extends the leases under which the worker still has any of these jobs, and answers
/// what it has under them.
pub async fn extend(queue: &Queue, worker: WorkerId, held: &[JobId]) -> Result<Vec<HeldJob>, QueueError> {
    let leases: Vec<LeaseId> = running_jobs::Entity::find()
        .select_only()
        .column(running_jobs::Column::LeaseId)
        .distinct()
        .filter(running_jobs::Column::WorkerId.eq(worker))
        .filter(running_jobs::Column::Id.is_in(held.iter().copied()))
        .into_tuple()
        .all(queue.db())
        .await?;
    let held = lease::extend(queue, worker, &leases).await?;
    Ok(held
        .into_iter()
        .map(|job| HeldJob { id: job.id, fence: job.fence, cancel_requested: job.cancel_requested })
        .collect())
}

/// Writes a claimed job's progress, beginning a stage. Answers whether the claim
/// still held.
pub async fn write_progress(queue: &Queue, job: &jobs::Model, value: &Value) -> Result<bool, QueueError> {
    progress::write(queue, job, value, true).await
}

/// Writes a line into a claimed job's log. Answers whether it was kept.
pub async fn write_log(queue: &Queue, job: &jobs::Model, message: &str) -> Result<bool, QueueError> {
    Ok(progress::append_event(queue, job, "log", &json!({"message": message})).await?)
}

/// Writes the ends of claimed jobs: those that no effect may follow in one batch, the
/// others each with its effect. Waits carry no jitter. Answers for each whether its claim
/// still held.
pub async fn finish(
    queue: &Queue,
    ends: Vec<(jobs::Model, Ending)>,
    backoff: Backoff,
) -> Result<Vec<bool>, QueueError> {
    let ends: Vec<_> =
        ends.into_iter().map(|(job, ending)| (finish_of(queue, &job, ending, backoff, 0.5), job)).collect();
    let (single, batched): (Vec<_>, Vec<_>) =
        ends.iter().partition(|(finish, job)| queue.effects().may_follow(&job.kind, finish.settlement.state));
    let batched: Vec<_> = batched.into_iter().map(|(finish, _)| finish).collect();
    let mut held = finish::batch(queue, &batched).await?;
    for (finish, job) in single {
        if finish::with_effect(queue, finish, job).await? {
            held.insert(finish.key());
        }
    }
    let again = ends
        .iter()
        .filter(|(finish, _)| held.contains(&finish.key()) && finish.settlement.state == JobState::Available);
    let again = again.filter_map(|(_, job)| Some((QueueName::parse(&job.queue)?, job.id))).collect();
    queue.announce(again, held.iter().map(|(id, _)| *id).collect()).await;
    Ok(ends.iter().map(|(finish, _)| held.contains(&finish.key())).collect())
}
