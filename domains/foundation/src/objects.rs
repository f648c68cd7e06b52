//! Objects that belong to nothing any more: deleted by jobs that are queued in the
//! transaction that gives them up.

use std::time::Duration;

use atelier_providers::object_store::Objects;
use atelier_queue::{
    Backoff, Job, JobContext, JobError, Lane, NewJob, Outcome, Policy, Queue, QueueError, QueueName,
    Transaction,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Prefixes in one job, so that its args stay small.
const PREFIXES_PER_JOB: usize = 200;

/// When objects are deleted a second time. Whoever puts one looks afterwards whether it
/// is still wanted, but may die before. Longer than a put takes that was begun by then:
/// a request is given up after 30 s and is tried again for 10 s.
const AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);

/// Deletes objects whose project, version or deployment is gone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RemoveObjects {
    /// Everything under these goes.
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

    /// Deletes objects that belong to nothing any more: at once, and again after ten
    /// minutes, for what was being put while they were deleted.
    pub async fn remove(&self, ctx: &JobContext, args: RemoveObjects) -> Result<Outcome, JobError> {
        for prefix in &args.prefixes {
            self.objects
                .delete_prefix(prefix)
                .await
                .map_err(|error| JobError::retry("STORAGE", format!("objects were not removed: {error}")))?;
        }
        let left = (ctx.enqueued_at() + AGAIN_AFTER - self.queue.now()).to_std().unwrap_or_default();
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

/// Has the objects under these prefixes removed once the transaction commits.
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
