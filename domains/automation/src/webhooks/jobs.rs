use std::time::Duration;

use atelier_entities::{Timestamp, UserId, WebhookDeliveryId};
use atelier_queue::{Backoff, Job, Lane, NewJob, Policy, QueueName};
use serde::{Deserialize, Serialize};

/// Sends one attempt of a delivery. The next attempt is a job of its own; the attempts of this job are for
/// workers that die. Its queue is that of people's work, whose jobs take turns by their owners and end with the
/// account: a server that answers slowly keeps back no mail of the platform.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct DeliverWebhook {
    /// The delivery.
    pub delivery_id: WebhookDeliveryId,
    /// The number of the attempt.
    pub number: i32,
}

impl Job for DeliverWebhook {
    const KIND: &'static str = "webhook.deliver";
    const QUEUE: QueueName = QueueName::Workflow;

    fn policy() -> Policy {
        Policy {
            max_attempts: 5,
            timeout: Duration::from_secs(30),
            backoff: Backoff::Exponential { base: Duration::from_secs(1), max: Duration::from_secs(60) },
            lane: Lane::Normal,
        }
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("webhook:{}:{}", self.delivery_id, self.number))
    }
}

/// The job of an attempt.
pub(super) fn attempt_job(
    owner: UserId,
    delivery_id: WebhookDeliveryId,
    number: i32,
    due: Option<Timestamp>,
) -> NewJob {
    let job = NewJob::of(&DeliverWebhook { delivery_id, number }).owned_by(owner).about(delivery_id);
    match due {
        Some(due) => job.at(due),
        None => job,
    }
}
