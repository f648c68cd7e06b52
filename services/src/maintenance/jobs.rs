use std::time::Duration;

use atelier_queue::{Backoff, Job, Lane, Policy, QueueName};
use serde::{Deserialize, Serialize};

const POLICY: Policy = Policy {
    max_attempts: 3,
    timeout: Duration::from_secs(300),
    backoff: Backoff::Exponential { base: Duration::from_secs(10), max: Duration::from_secs(300) },
    lane: Lane::Bulk,
};

/// Deletes jobs that ended long enough ago.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PurgeJobs {}

impl Job for PurgeJobs {
    const KIND: &'static str = "maintenance.purge_jobs";
    const QUEUE: QueueName = QueueName::Maintenance;

    fn policy() -> Policy {
        POLICY
    }

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}

/// Deletes sign-ins and idempotency keys that have expired.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PurgeExpired {}

impl Job for PurgeExpired {
    const KIND: &'static str = "maintenance.purge_expired";
    const QUEUE: QueueName = QueueName::Maintenance;

    fn policy() -> Policy {
        POLICY
    }

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}

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
        Policy { max_attempts: 8, ..POLICY }
    }
}
