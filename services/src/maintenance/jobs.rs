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

/// Deletes jobs that are past their retention.
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

/// Deletes expired rows: sign-ins, idempotency keys, links, tokens and mails.
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

/// Applies an action to every job that matches a filter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApplyBulkAction {
    /// The action.
    pub action: BulkAction,
    /// The filter.
    pub filter: JobFilter,
}

impl Job for ApplyBulkAction {
    const KIND: &'static str = "maintenance.steer_jobs";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Urgent: an administrator waits, and may be stopping a flood of jobs.
    fn policy() -> Policy {
        Policy { lane: Lane::Urgent, timeout: Duration::from_secs(3_600), ..POLICY }
    }
}
