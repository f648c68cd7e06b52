use std::time::Duration;

use atelier_entities::MailId;
use atelier_queue::{Backoff, Job, Lane, Policy, QueueName};
use serde::{Deserialize, Serialize};

/// Waits between attempts: short ones for brief faults, long ones for greylisting and
/// outages.
const WAITS: [Duration; 7] = [
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(3 * 3600),
    Duration::from_secs(6 * 3600),
];

/// Renders a mail and sends it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliverMail {
    /// The mail.
    pub mail_id: MailId,
}

impl Job for DeliverMail {
    const KIND: &'static str = "email.deliver";
    const QUEUE: QueueName = QueueName::Email;

    fn policy() -> Policy {
        Policy {
            max_attempts: 8,
            timeout: Duration::from_secs(60),
            backoff: Backoff::Steps(&WAITS),
            lane: Lane::Normal,
        }
    }
}
