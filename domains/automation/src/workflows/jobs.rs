use std::time::Duration;

use atelier_entities::WorkflowId;
use atelier_queue::{Backoff, Job, Lane, Policy, QueueName};
use serde::{Deserialize, Serialize};

/// Cancels the runs of a deleted workflow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CancelRuns {
    /// The workflow.
    pub workflow_id: WorkflowId,
}

impl Job for CancelRuns {
    const KIND: &'static str = "workflow.cancel_runs";
    const QUEUE: QueueName = QueueName::Workflow;

    fn policy() -> Policy {
        Policy {
            max_attempts: 20,
            timeout: Duration::from_secs(300),
            backoff: Backoff::Exponential { base: Duration::from_secs(1), max: Duration::from_secs(60) },
            lane: Lane::Urgent,
        }
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("cancel:{}", self.workflow_id))
    }
}
