use std::time::Duration;

use atelier_entities::DeploymentId;
use atelier_queue::{Backoff, Job, Lane, Policy, QueueName};
use serde::{Deserialize, Serialize};

/// Publishes a version of a project.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublishDeployment {
    /// The deployment.
    pub deployment_id: DeploymentId,
}

impl Job for PublishDeployment {
    const KIND: &'static str = "deployment.publish";
    const QUEUE: QueueName = QueueName::Deployment;

    fn policy() -> Policy {
        Policy {
            max_attempts: 5,
            timeout: Duration::from_secs(300),
            backoff: Backoff::Exponential { base: Duration::from_secs(2), max: Duration::from_secs(60) },
            lane: Lane::Normal,
        }
    }
}
