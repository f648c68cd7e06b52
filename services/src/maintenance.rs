//! The platform's own upkeep: what has had its time is deleted, and what operators
//! do to jobs and queues is done and recorded.

mod jobs;
mod operators;
mod steering;

use std::time::Duration;

use atelier_entities::{idempotency_keys, sessions};
use atelier_providers::object_store::Objects;
use atelier_queue::{
    JobContext, JobError, NewJob, Outcome, Queue, QueueError, Transaction,
    removal::delete_in_batches,
    retention::{self, RetentionRules},
};
use sea_orm::{ColumnTrait, Condition};
use serde_json::json;

use crate::{identity, mail};

pub use jobs::{PurgeExpired, PurgeJobs, RemoveObjects, SteerJobs};
pub use steering::SteeringError;

/// Prefixes in one job, so that its args stay small.
const PREFIXES_PER_JOB: usize = 200;

/// When objects are deleted a second time. Whoever puts one looks afterwards whether it
/// is still wanted, but may die before. Longer than a put takes that was begun by then:
/// a request is given up after 30 s and is tried again for 10 s.
const AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);

/// Upkeep. Cheap to clone.
#[derive(Clone)]
pub struct Maintenance {
    queue: Queue,
    objects: Objects,
    rules: RetentionRules,
}

impl Maintenance {
    pub(crate) fn new(queue: Queue, objects: Objects, rules: RetentionRules) -> Self {
        Self { queue, objects, rules }
    }

    /// Deletes jobs that ended long enough ago.
    pub async fn purge_jobs(&self, _ctx: &JobContext) -> Result<Outcome, JobError> {
        let deleted = retention::sweep(&self.queue, &self.rules).await?;
        Ok(Outcome::Done(json!({"jobs": deleted})))
    }

    /// Deletes sign-ins, idempotency keys, links and tokens that have expired, and mails
    /// that are too old for the outbox.
    pub async fn purge_expired(&self, _ctx: &JobContext) -> Result<Outcome, JobError> {
        let (sessions, keys) = self.delete_expired().await?;
        let tokens = identity::purge(&self.queue, self.rules.batch).await?;
        let mails = mail::purge(&self.queue, self.rules.batch).await?;
        let done = json!({"sessions": sessions, "idempotency_keys": keys, "tokens": tokens, "mails": mails});
        Ok(Outcome::Done(done))
    }

    /// Deletes objects that belong to nothing any more: at once, and again after
    /// [`AGAIN_AFTER`], for what was being put while they were deleted.
    pub async fn remove_objects(&self, ctx: &JobContext, args: RemoveObjects) -> Result<Outcome, JobError> {
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

    async fn delete_expired(&self) -> Result<(u64, u64), QueueError> {
        let (queue, now, batch) = (&self.queue, self.queue.now(), self.rules.batch);
        let sessions = Condition::all().add(sessions::Column::ExpiresAt.lte(now));
        let sessions = delete_in_batches::<sessions::Entity>(queue, sessions, batch).await?;
        let keys = Condition::all().add(idempotency_keys::Column::ExpiresAt.lte(now));
        let keys = delete_in_batches::<idempotency_keys::Entity>(queue, keys, batch).await?;
        Ok((sessions, keys))
    }
}

impl std::fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Maintenance").finish_non_exhaustive()
    }
}

/// Has the objects under these prefixes removed once the transaction commits.
pub(crate) async fn enqueue_removal(tx: &Transaction, prefixes: Vec<String>) -> Result<(), QueueError> {
    let jobs: Vec<NewJob> = prefixes
        .chunks(PREFIXES_PER_JOB)
        .map(|chunk| NewJob::of(&RemoveObjects { prefixes: chunk.to_vec() }))
        .collect();
    if !jobs.is_empty() {
        tx.enqueue_all(jobs).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[tokio::test]
    async fn deletes_what_has_expired_and_keeps_the_rest() {
        let bench = Bench::new().await;
        bench.register("ada@example.org").await;
        let maintenance = &bench.services.maintenance;

        assert_eq!(maintenance.delete_expired().await.expect("purged"), (0, 0));
        bench.advance(8 * 24 * 3600);
        assert_eq!(maintenance.delete_expired().await.expect("purged"), (1, 0));
    }
}
