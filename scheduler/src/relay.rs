//! Keeps the transport's windows filled from SQL: the backlog, delayed jobs,
//! retries, and whatever a crash or an emptied Redis left behind.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, relay};

use crate::duty::{Duty, Next};

/// The duty of the relay.
#[derive(Clone, Debug)]
pub struct Relay {
    queue: Queue,
    interval: Duration,
}

impl Relay {
    /// A relay that looks this often.
    #[must_use]
    pub const fn new(queue: Queue, interval: Duration) -> Self {
        Self { queue, interval }
    }
}

#[async_trait]
impl Duty for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        let report = relay::tick(&self.queue).await?;
        Ok(if report.transport_fault.is_some() { Next::Soon } else { Next::InTurn })
    }
}
