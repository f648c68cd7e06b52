//! Removal of objects that no row refers to any more. A job removes them; it is enqueued in
//! the transaction that deletes the rows.

use std::time::Duration;

use atelier_providers::object_store::Objects;
use atelier_queue::{
    Backoff, Job, JobContext, JobError, Lane, NewJob, Outcome, Policy, Queue, QueueError, QueueName,
    Transaction,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Maximum number of prefixes in one job, so that its args stay small.
const PREFIXES_PER_JOB: usize = 200;

/// When objects are deleted a second time. A process that puts an object checks afterwards
/// whether it is still needed, but may die before the check. The delay is longer than a put
/// takes: a request times out after 30 s and is retried for 10 s.
const SECOND_PASS_AFTER: Duration = Duration::from_secs(10 * 60);

/// Deletes the objects of a project, version or deployment that was deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RemoveObjects {
    /// Everything under these prefixes is deleted.
    pub prefixes: Vec<String>,
}

impl Job for RemoveObjects {
    const KIND: &'static str = "maintenance.remove_objects";
    const QUEUE: QueueName = QueueName::Maintenance;

    fn policy() -> Policy {
        Policy {
            max_attempts: 8,
            timeout: Duration::from_secs(300),
            backoff: Backoff::Exponential { base: Duration::from_secs(10), max: Duration::from_secs(300) },
            lane: Lane::Bulk,
        }
    }
}

/// Deletes objects. Cheap to clone.
#[derive(Clone)]
pub struct ObjectRemoval {
    queue: Queue,
    objects: Objects,
}

impl ObjectRemoval {
    pub(crate) fn new(queue: Queue, objects: Objects) -> Self {
        Self { queue, objects }
    }

    /// Deletes the objects at once, and again after ten minutes: an object may have been
    /// put while they were deleted.
    pub async fn remove(&self, ctx: &JobContext, args: RemoveObjects) -> Result<Outcome, JobError> {
        for prefix in &args.prefixes {
            self.objects
                .delete_prefix(prefix)
                .await
                .map_err(|error| JobError::retry("STORAGE", format!("objects were not removed: {error}")))?;
        }
        let left = (ctx.enqueued_at() + SECOND_PASS_AFTER - self.queue.now()).to_std().unwrap_or_default();
        if !args.prefixes.is_empty() && !left.is_zero() {
            return Ok(Outcome::Snooze(left));
        }
        Ok(Outcome::Done(json!({"prefixes": args.prefixes.len()})))
    }
}

impl std::fmt::Debug for ObjectRemoval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectRemoval").finish_non_exhaustive()
    }
}

/// Enqueues the removal of the objects under these prefixes.
pub async fn enqueue_removal(tx: &Transaction, prefixes: Vec<String>) -> Result<(), QueueError> {
    let jobs: Vec<NewJob> = prefixes
        .chunks(PREFIXES_PER_JOB)
        .map(|chunk| NewJob::of(&RemoveObjects { prefixes: chunk.to_vec() }))
        .collect();
    if !jobs.is_empty() {
        tx.enqueue_all(jobs).await?;
    }
    Ok(())
}
