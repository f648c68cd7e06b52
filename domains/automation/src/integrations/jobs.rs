use std::time::Duration;

use atelier_entities::IntegrationId;
use atelier_queue::{Backoff, Job, Lane, Policy, QueueName};
use serde::{Deserialize, Serialize};

/// Tests an integration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TestIntegration {
    /// The integration.
    pub integration_id: IntegrationId,
}

impl Job for TestIntegration {
    const KIND: &'static str = "integration.test";
    const QUEUE: QueueName = QueueName::Workflow;

    fn policy() -> Policy {
        Policy {
            max_attempts: 3,
            timeout: Duration::from_secs(60),
            backoff: Backoff::Exponential { base: Duration::from_secs(1), max: Duration::from_secs(10) },
            lane: Lane::Urgent,
        }
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("integration:{}", self.integration_id))
    }
}
