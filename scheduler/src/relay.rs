//! Fills the windows of the transport from SQL: with the backlog, delayed jobs, retries,
//! and jobs whose ids were lost in a crash or with the data of Redis.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, relay};

use crate::{duty::Duty, pace::Next};

/// The duty that runs the relay.
#[derive(Clone, Debug)]
pub struct Relay {
    queue: Queue,
    interval: Duration,
}

impl Relay {
    /// Runs the relay at this interval.
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
