use std::time::Duration;

use atelier_queue::{
    Backoff, Job, Lane, Policy, QueueName,
    inspect::{BulkAction, JobFilter},
};
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

/// Deletes sign-ins, idempotency keys, links and tokens that have expired.
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

/// Does the same to every job that a filter selects.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SteerJobs {
    /// What is done to them.
    pub action: BulkAction,
    /// Which they are.
    pub filter: JobFilter,
}

impl Job for SteerJobs {
    const KIND: &'static str = "maintenance.steer_jobs";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Urgent: an operator watches, and may be stopping a flood.
    fn policy() -> Policy {
        Policy { lane: Lane::Urgent, timeout: Duration::from_secs(3_600), ..POLICY }
    }
}
