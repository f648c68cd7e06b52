//! Looks whether the database and the transport take writes, for Prometheus: where
//! nothing is due and nobody enqueues, nothing else would tell.

use std::time::Duration;

use async_trait::async_trait;
use atelier_queue::{Queue, QueueError, metrics};

use crate::{duty::Duty, pace::Next};

/// The duty that sets the gauges of what takes writes.
#[derive(Clone, Debug)]
pub struct WriteCheck {
    queue: Queue,
}

impl WriteCheck {
    /// Watches this queue's database and transport.
    #[must_use]
    pub const fn new(queue: Queue) -> Self {
        Self { queue }
    }
}

#[async_trait]
impl Duty for WriteCheck {
    fn name(&self) -> &'static str {
        "write check"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn tick(&self) -> Result<Next, QueueError> {
        let database = self.queue.database_fault().await;
        metrics::observe_writable(database, self.queue.transport_fault().await);
        Ok(Next::InTurn)
    }
}
