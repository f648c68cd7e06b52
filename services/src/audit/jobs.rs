use std::time::Duration;

use atelier_entities::Timestamp;
use atelier_queue::{Backoff, Job, Lane, Policy, QueueName};
use serde::{Deserialize, Serialize};

/// Moves old entries of the audit log to the object store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveAudit {
    /// Entries before this moment; none takes the settings' retention.
    #[serde(default)]
    pub before: Option<Timestamp>,
}

impl Job for ArchiveAudit {
    const KIND: &'static str = "maintenance.archive_audit";
    const QUEUE: QueueName = QueueName::Maintenance;

    fn policy() -> Policy {
        Policy {
            max_attempts: 5,
            timeout: Duration::from_secs(3_600),
            backoff: Backoff::Exponential { base: Duration::from_secs(10), max: Duration::from_secs(300) },
            lane: Lane::Bulk,
        }
    }

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}
