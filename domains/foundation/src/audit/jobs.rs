use std::time::Duration;

use atelier_entities::{Timestamp, UserId};
use atelier_queue::{Backoff, Job, Lane, Policy, QueueName};
use serde::{Deserialize, Serialize};

const POLICY: Policy = Policy {
    max_attempts: 5,
    timeout: Duration::from_secs(3_600),
    backoff: Backoff::Exponential { base: Duration::from_secs(10), max: Duration::from_secs(300) },
    lane: Lane::Bulk,
};

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
        POLICY
    }

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}

/// Anonymizes the archives of the audit log after an erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseArchived {
    /// The account.
    pub user_id: UserId,
    /// The SHA-256 of each mail address that it had.
    pub addresses: Vec<String>,
    /// Archives with entries since this time may name the person.
    pub since: Timestamp,
}

impl Job for EraseArchived {
    const KIND: &'static str = "maintenance.erase_archived";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Many attempts: the object store may be unavailable for a day, and an erasure must
    /// not be given up.
    fn policy() -> Policy {
        let backoff =
            Backoff::Exponential { base: Duration::from_secs(60), max: Duration::from_secs(3 * 3_600) };
        Policy { max_attempts: 20, backoff, ..POLICY }
    }
}
