//! For tests that act as workers step by step, without handlers: the functions by which
//! workers claim, extend and end jobs. Nothing else uses them.

use atelier_entities::{JobId, JobState, LeaseId, WorkerId, jobs, running_jobs};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::{Value, json};

use crate::{
    Queue,
    claim::{self, Claimant},
    error::QueueError,
    finish::{self, Finish},
    lease,
    name::QueueName,
    progress,
    retry::Backoff,
    settle::{AttemptFacts, Ending},
};

/// A job that a heartbeat found under a lease of the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeasedJob {
    /// The job.
    pub id: JobId,
    /// The fence of its attempt.
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
    let claimant = Claimant { worker, lease: LeaseId::new(), ended: &[], queue: name, kinds };
    Ok(claim::claim_next(queue, &claimant, count, false).await?.jobs)
}

/// Extends the worker's leases of these jobs, and answers the jobs under them.
pub async fn extend(queue: &Queue, worker: WorkerId, ids: &[JobId]) -> Result<Vec<LeasedJob>, QueueError> {
    let leases: Vec<LeaseId> = running_jobs::Entity::find()
        .select_only()
        .column(running_jobs::Column::LeaseId)
        .distinct()
        .filter(running_jobs::Column::WorkerId.eq(worker))
        .filter(running_jobs::Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(queue.db())
        .await?;
    let leased = lease::extend(queue, worker, &leases).await?;
    Ok(leased
        .into_iter()
        .map(|job| LeasedJob { id: job.id, fence: job.fence, cancel_requested: job.cancel_requested })
        .collect())
}

/// Writes a claimed job's progress as a new stage. Answers whether the fence matched.
pub async fn write_progress(queue: &Queue, job: &jobs::Model, value: &Value) -> Result<bool, QueueError> {
    progress::write(queue, job, value, true).await
}

/// Appends a line to a claimed job's log. Answers whether it was appended.
pub async fn write_log(queue: &Queue, job: &jobs::Model, message: &str) -> Result<bool, QueueError> {
    let data = json!({"message": message});
    let event = progress::NewEvent { kind: "log", data: &data, most: progress::most_lines(queue) };
    Ok(progress::append_event(queue, job, event).await?)
}

/// Writes the ends of claimed jobs: those without an effect in one batch, the others in one
/// transaction with their effects. Waits have no jitter. Answers for each whether its fence matched.
pub async fn finish(
    queue: &Queue,
    ends: Vec<(jobs::Model, Ending)>,
    backoff: Backoff,
) -> Result<Vec<bool>, QueueError> {
    let (now, max_result_bytes) = (queue.now(), queue.options().max_result_bytes);
    let end = |(job, ending)| {
        let facts = AttemptFacts { backoff, ..AttemptFacts::of(&job, now) };
        (Finish::of_attempt(&job, ending, &facts, max_result_bytes), job)
    };
    let ends: Vec<_> = ends.into_iter().map(end).collect();
    let (with_effects, others): (Vec<_>, Vec<_>) = ends
        .iter()
        .map(|(finish, job)| (finish, queue.effects().affecting(job, finish.settlement.state)))
        .partition(|(_, affecting)| affecting.is_some());
    let others: Vec<_> = others.into_iter().map(|(finish, _)| finish).collect();
    let with_effects: Vec<_> =
        with_effects.iter().map(|(finish, affecting)| (*finish, affecting.as_ref())).collect();
    let mut written = finish::write_batch(queue, &others).await?;
    if !with_effects.is_empty() {
        written.extend(finish::write_with_effects(queue, &with_effects).await?);
    }
    let available = ends.iter().filter(|(finish, _)| {
        written.contains(&finish.key()) && finish.settlement.state == JobState::Available
    });
    let available = available.filter_map(|(_, job)| Some((QueueName::parse(&job.queue)?, job.id))).collect();
    queue.announce(available, written.iter().map(|(id, _)| *id).collect()).await;
    Ok(ends.iter().map(|(finish, _)| written.contains(&finish.key())).collect())
}
