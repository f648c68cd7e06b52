//! The platform's maintenance: deletes expired data, and runs administrators' commands on queues
//! and on many jobs.

mod bulk;
mod jobs;
mod operators;

use std::{collections::BTreeMap, sync::Arc};

use atelier_foundation::{Module, Purge};
use atelier_queue::{
    JobContext, JobError, Outcome, Queue, QueueError,
    retention::{self, RetentionRules},
};
use serde_json::json;

pub use bulk::MaintenanceError;
pub use jobs::{ApplyBulkAction, PurgeExpired, PurgeJobs};

/// Maintenance. Cheap to clone.
#[derive(Clone)]
pub struct Maintenance {
    queue: Queue,
    rules: RetentionRules,
    purges: Arc<[Purge]>,
    restarted: Arc<[Restarted]>,
}

/// A kind whose ended jobs are restarted as new jobs.
#[derive(Clone, Debug)]
struct Restarted {
    /// The plural name of its jobs.
    plural: &'static str,
    /// Every name of the kind.
    names: Vec<&'static str>,
}

impl Maintenance {
    pub(crate) fn new<S>(queue: Queue, rules: RetentionRules, modules: &[Module<S>]) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        let purges = modules.iter().flat_map(|module| module.purges.iter().copied()).collect();
        let kinds = modules.iter().flat_map(|module| &module.kinds);
        let restarted = kinds.filter_map(|kind| {
            let restart = kind.restart.as_ref()?;
            Some(Restarted { plural: restart.plural, names: kind.names().to_vec() })
        });
        Self { queue, rules, purges, restarted: restarted.collect() }
    }

    /// Deletes jobs that are past their retention.
    pub async fn purge_jobs(&self, _ctx: &JobContext) -> Result<Outcome, JobError> {
        let deleted = retention::sweep(&self.queue, &self.rules).await?;
        Ok(Outcome::Done(json!({"jobs": deleted})))
    }

    /// Deletes expired rows of every domain.
    pub async fn purge_expired(&self, _ctx: &JobContext) -> Result<Outcome, JobError> {
        Ok(Outcome::Done(json!(self.delete_expired().await?)))
    }

    /// Deletes expired rows and returns their numbers by name.
    async fn delete_expired(&self) -> Result<BTreeMap<&'static str, u64>, QueueError> {
        let mut deleted = BTreeMap::new();
        for purge in self.purges.iter() {
            deleted.insert(purge.name, (purge.delete)(&self.queue, self.rules.batch).await?);
        }
        Ok(deleted)
    }
}

impl std::fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Maintenance").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Fixture;

    #[tokio::test]
    async fn only_expired_rows_are_deleted() {
        let fixture = Fixture::new().await;
        fixture.register("ada@example.org").await;
        let maintenance = &fixture.services.maintenance;

        let before = maintenance.delete_expired().await.expect("purged");
        assert!(before.values().all(|count| *count == 0), "{before:?}");
        fixture.advance(8 * 24 * 3600);
        let after = maintenance.delete_expired().await.expect("purged");
        assert_eq!((after["sessions"], after["idempotency_keys"]), (1, 0), "{after:?}");
    }
}
