use std::time::Duration;

use atelier_queue::{Backoff, Job, Lane, Policy, QueueName};
use serde::{Deserialize, Serialize};

/// Computes the platform's statistics.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AggregateStats {}

impl Job for AggregateStats {
    const KIND: &'static str = "stats.aggregate";
    const QUEUE: QueueName = QueueName::Stats;

    fn policy() -> Policy {
        Policy {
            max_attempts: 3,
            timeout: Duration::from_secs(120),
            backoff: Backoff::Exponential { base: Duration::from_secs(5), max: Duration::from_secs(60) },
            lane: Lane::Normal,
        }
    }

    fn unique_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}
